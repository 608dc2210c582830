"""
The open loop sends by its schedule, and the time of a request counts from there: what a service does while it stands
still is not left out.
"""

from __future__ import annotations

import asyncio

import pytest

from eas_host.load.measurement import Measurement
from eas_host.load.open_loop import OpenLoop
from support.answering import AnsweringServer, response, run_in_loop

RATE = 200
COUNT = 20
SECONDS = COUNT / RATE


def check_waits(measured: Measurement) -> None:
    """No answer came before the last request was due, so request i has waited (COUNT - 1 - i) / RATE at least."""
    assert measured.sent == measured.answered == measured.latency.count == COUNT
    assert measured.latency.most >= (COUNT - 1) / RATE
    assert measured.latency.mean >= (COUNT - 1) / 2 / RATE
    assert measured.latency.percentile(50) >= (COUNT / 2 - 1) / RATE


def test_requests_are_sent_as_many_as_are_due_and_each_once() -> None:
    async def run() -> None:
        bodies = [b"%d" % number for number in range(COUNT)]
        async with AnsweringServer() as server:
            measured = await OpenLoop(server.course(*bodies, seconds=SECONDS), RATE).measure()
            assert measured.sent == measured.answered == COUNT
            assert sorted(server.bodies) == sorted(bodies)
            assert (measured.errors, measured.concurrency, measured.rate) == (0, None, RATE)
            assert measured.seconds >= SECONDS

    run_in_loop(run())


def test_service_that_stands_still_is_still_sent_what_is_due() -> None:
    """All requests arrive while none is answered, and each shows how long it has waited."""

    async def run() -> None:
        arrived = asyncio.Event()

        async def when_all_have_arrived(number: int, body: bytes) -> bytes:
            if number == COUNT:
                arrived.set()
            await arrived.wait()
            return response(body)

        async with AnsweringServer(when_all_have_arrived) as server:
            check_waits(await OpenLoop(server.course(seconds=SECONDS), RATE).measure())
            assert server.most_under_way == server.connections == COUNT

    run_in_loop(run())


def test_request_that_waits_for_a_connection_counts_from_when_it_was_due() -> None:
    """One connection: one request is held until all others should have been sent, and none of them hides that."""

    async def run() -> None:
        async with AnsweringServer() as server:
            loop = OpenLoop(server.course(seconds=SECONDS), RATE, most=1)

            async def first_is_held(number: int, body: bytes) -> bytes:
                while number == 1 and loop._waiting() < COUNT - 1:  # noqa: ASYNC110  there is no event for it
                    await asyncio.sleep(0)
                return response(body)

            server.answer = first_is_held
            check_waits(await loop.measure())
            assert (server.connections, server.most_under_way) == (1, 1)

    run_in_loop(run())


def test_lost_connections_are_counted_and_replaced() -> None:
    async def run() -> None:
        async def every_fourth_is_lost(number: int, body: bytes) -> bytes | None:
            return None if number % 4 == 0 else response(body)

        async with AnsweringServer(every_fourth_is_lost) as server:
            measured = await OpenLoop(server.course(seconds=SECONDS), RATE, most=2).measure()
            assert (measured.sent, measured.lost, measured.answered) == (COUNT, COUNT // 4, COUNT - COUNT // 4)

    run_in_loop(run())


@pytest.mark.parametrize("most", [1, COUNT])
def test_requests_without_an_answer_are_counted(most: int) -> None:
    """Also those that found no connection free."""

    async def run() -> None:
        async def never(_: int, __: bytes) -> bytes:
            await asyncio.Event().wait()
            return b""

        async with AnsweringServer(never) as server:
            measured = await OpenLoop(server.course(seconds=SECONDS, timeout=0.5), RATE, most=most).measure()
            assert measured.sent == measured.unanswered + measured.answered
            assert measured.answered == 0
            assert len(server.bodies) <= most

    run_in_loop(run())
