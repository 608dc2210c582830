"""
The closed loop keeps a number of requests under way, and counts each of them once, however it ends.
"""

from __future__ import annotations

import asyncio

import pytest

from eas_host.load.closed_loop import ClosedLoop
from support.answering import AnsweringServer, response, run_in_loop


def test_every_request_is_answered_and_counted_once() -> None:
    """Bodies come in turn, and the token with each of them."""

    async def run() -> None:
        async with AnsweringServer() as server:
            measured = await ClosedLoop(server.course(b"a", b"bb", b"ccc", token="s3cret"), 1).measure()  # noqa: S106
            assert measured.sent == measured.answered == measured.latency.count == len(server.bodies) > 0
            assert server.bodies[:4] == [b"a", b"bb", b"ccc", b"a"][: len(server.bodies)]
            assert {head.split(b"\r\n")[0] for head in server.heads} == {b"POST /api/predict/it?a=b HTTP/1.1"}
            assert all(b"\r\nAuthorization: s3cret\r\n" in head for head in server.heads)
            assert (measured.errors, measured.limited_by, measured.rate) == (0, None, None)
            assert measured.seconds >= 0.05

    run_in_loop(run())


def test_so_many_requests_are_under_way() -> None:
    """The first answers come when all of them have arrived."""

    async def run() -> None:
        arrived = asyncio.Event()

        async def together(number: int, body: bytes) -> bytes:
            if number == 5:
                arrived.set()
            await arrived.wait()
            return response(body)

        async with AnsweringServer(together) as server:
            measured = await ClosedLoop(server.course(), 5).measure()
            assert server.most_under_way == server.connections == 5
            assert measured.sent == measured.answered == len(server.bodies) >= 5

    run_in_loop(run())


def test_errors_are_counted_apart_and_the_first_is_kept() -> None:
    """Their times are not among those of the others."""

    async def run() -> None:
        async def every_second_full(number: int, _: bytes) -> bytes:
            return response(b"the queue is full " + b"%d" % number, 450) if number % 2 == 0 else response()

        async with AnsweringServer(every_second_full) as server:
            measured = await ClosedLoop(server.course(until=10), 1).measure()
            assert (measured.sent, measured.interrupted) == (9, True)
            assert measured.statuses == {200: 5, 450: 4}
            assert (measured.latency.count, measured.errors) == (5, 4)
            assert measured.first_error == (450, "the queue is full 2")
            assert not measured.is_within(None)

    run_in_loop(run())


def test_times_that_the_host_tells_are_split() -> None:
    async def run() -> None:
        timing = "Server-Timing: queue;dur=1.500, call;dur=20.000\r\n"

        async def explained(_: int, body: bytes) -> bytes:
            return response(body, headers=timing)

        async with AnsweringServer(explained) as server:
            measured = await ClosedLoop(server.course(), 2).measure()
            assert measured.queue.count == measured.call.count == measured.answered > 0
            assert (measured.queue.most, measured.call.most) == (0.0015, 0.02)

    run_in_loop(run())


def test_answer_in_parts_has_the_time_of_its_first_byte_too() -> None:
    """Every second answer; the times that the host tells are counted of the others alone."""

    async def run() -> None:
        timing = "Server-Timing: queue;dur=1.500, call;dur=20.000\r\n"

        async def every_second_in_parts(number: int, body: bytes) -> bytes:
            if number % 2 == 0:
                return response(body, headers=timing)
            head = f"HTTP/1.1 200 X\r\n{timing}Transfer-Encoding: chunked\r\n\r\n"
            return head.encode() + b"5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n"

        async with AnsweringServer(every_second_in_parts) as server:
            measured = await ClosedLoop(server.course(until=9), 1).measure()
            assert (measured.latency.count, measured.first.count, measured.call.count) == (8, 4, 4)
            assert 0 < measured.first.mean < measured.latency.most

    run_in_loop(run())


@pytest.mark.parametrize("headers", ["Connection: close\r\n", ""])
def test_connection_that_the_service_ends_is_replaced(headers: str) -> None:
    """With `Connection: close` nothing is lost; without a word, the request that had no answer is."""

    async def run() -> None:
        async def third_is_last(number: int, body: bytes) -> bytes | None:
            if number != 3:
                return response(body)
            return response(body, headers=headers) if headers else None

        async with AnsweringServer(third_is_last) as server:
            measured = await ClosedLoop(server.course(until=5), 1).measure()
            assert measured.lost == measured.errors == (0 if headers else 1)
            assert measured.sent == measured.answered + measured.lost
            assert server.connections == 2

    run_in_loop(run())


def test_answer_that_does_not_come_is_counted() -> None:
    async def run() -> None:
        async def never(_: int, __: bytes) -> bytes:
            await asyncio.Event().wait()
            return b""

        async with AnsweringServer(never) as server:
            measured = await ClosedLoop(server.course(timeout=0.05), 1).measure()
            assert (measured.sent, measured.answered, measured.unanswered, measured.errors) == (1, 0, 1, 1)

    run_in_loop(run())


@pytest.mark.parametrize("garbage", [b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
def test_answer_that_is_no_http_is_a_lost_connection(garbage: bytes) -> None:
    async def run() -> None:
        async def garbage_first(number: int, body: bytes) -> bytes:
            return garbage if number == 1 else response(body)

        async with AnsweringServer(garbage_first) as server:
            measured = await ClosedLoop(server.course(until=3), 1).measure()
            assert (measured.lost, measured.answered, measured.interrupted) == (1, 1, True)

    run_in_loop(run())
