"""
The steps of a run: which there are, and when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from eas_host.errors import ConfigError, NoAnswer
from eas_host.load.measurement import Measurement
from eas_host.load.service import parse_url
from eas_host.load.sweep import MOST_CONCURRENT, Plan, best_step, run_steps
from support import TIMEOUT
from support.answering import AnsweringServer, response, run_in_loop


def steps_of(plan: Plan) -> list[Measurement]:
    told: list[Measurement] = []

    async def run() -> None:
        async with AnsweringServer() as server:
            assert await run_steps(server.course(), plan, None, told.append) == told

    run_in_loop(run())
    return told


def test_given_loads_are_the_steps() -> None:
    assert [step.rate for step in steps_of(Plan(rates=[100, 40]))] == [100, 40]
    assert [step.concurrency for step in steps_of(Plan(concurrencies=[3, 1]))] == [3, 1]


def test_concurrency_doubles_until_throughput_stops_growing() -> None:
    """The last two steps have brought nothing, unless there is no further one."""
    steps = steps_of(Plan())
    assert [step.concurrency for step in steps] == [2**power for power in range(len(steps))]
    assert len(steps) >= 3
    if steps[-1].concurrency != MOST_CONCURRENT:
        for end in (-2, -1):
            assert steps[end].throughput <= 1.05 * max(step.throughput for step in steps[:end])


def test_limit_of_time_that_is_passed_ends_the_sweep() -> None:
    steps = steps_of(Plan(slo=1e-9))
    assert [step.concurrency for step in steps] == [1]
    assert best_step(steps, 1e-9) is None
    assert best_step(steps, None) is steps[0]


def test_interruption_keeps_what_was_measured() -> None:
    """It ends at once, although the service answers no more."""

    async def run() -> None:
        in_step: list[bytes] = []

        async def no_more(_: int, body: bytes) -> bytes:
            if course.interrupted.done():
                await asyncio.Event().wait()
            if server.connections == 3:  # the warm-up had one, the step has two
                in_step.append(body)
            if len(in_step) == 5:
                course.interrupted.set_result(None)
            return response(body)

        async with AnsweringServer(no_more) as server:
            course = server.course(seconds=TIMEOUT)
            done = await run_steps(course, Plan(concurrencies=[2, 4]), None, lambda _: None)
        assert [(step.concurrency, step.interrupted, step.errors) for step in done] == [(2, True, 0)]
        assert done[0].sent == done[0].answered > 0

    run_in_loop(run())


def test_service_that_goes_away_between_two_steps_is_an_error_of_the_next() -> None:
    async def run() -> None:
        async with AnsweringServer() as server:
            plan = Plan(concurrencies=[1, 2])
            done = await run_steps(server.course(), plan, None, lambda _: server.stop_listening())
        assert [(step.concurrency, step.lost, step.errors) for step in done] == [(1, 0, 0), (2, 1, 1)]

    run_in_loop(run())


def test_service_that_does_not_answer_is_an_error() -> None:
    async def lost(_: int, __: bytes) -> None:
        return None

    async def never(_: int, __: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def run() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            async with AnsweringServer(lost) as server:
                with pytest.raises(NoAnswer, match="does not answer: it ends the connection"):
                    await run_steps(server.course(), Plan(), None, lambda _: None)
                server.url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
                with pytest.raises(NoAnswer, match="does not answer: Connection refused"):
                    await run_steps(server.course(), Plan(), None, lambda _: None)
        async with AnsweringServer(never) as server:
            with pytest.raises(NoAnswer, match=r"does not answer: no answer within 0.05 s \(--timeout\)"):
                await run_steps(server.course(timeout=0.05), Plan(), None, lambda _: None)

    run_in_loop(run())


def test_service_whose_machine_does_not_answer_is_an_error() -> None:
    """The queue of its socket is full, so the kernel leaves further connections without a word."""

    async def run() -> None:
        with contextlib.ExitStack() as sockets:
            full = sockets.enter_context(socket.socket())
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(4):
                client = sockets.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            async with AnsweringServer() as server:
                server.url = f"http://127.0.0.1:{full.getsockname()[1]}/"
                with pytest.raises(NoAnswer, match=r"does not answer: no connection within 0.05 s \(--timeout\)"):
                    await run_steps(server.course(timeout=0.05), Plan(), None, lambda _: None)
                course = server.course()
                asyncio.get_running_loop().call_soon(course.interrupted.set_result, None)
                assert await run_steps(course, Plan(), None, lambda _: None) == []

    run_in_loop(run())


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://h/", "http://", "http://h:x/", "http://[", "http://h/a b", "http://u:p@h/"]
)
def test_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is no URL of a service; expected http://HOST:PORT/PATH"):
        parse_url(url)


def test_url_is_taken_apart() -> None:
    service = parse_url("http://[::1]:8080/api/predict/it?a=b#c")
    assert (service.host, service.port, service.authority) == ("::1", 8080, "[::1]:8080")
    assert (service.target, service.tls) == ("/api/predict/it?a=b", None)
    assert (parse_url("http://h").target, parse_url("http://h").port) == ("/", 80)
    secure = parse_url("https://h/p")
    assert secure.port == 443
    assert secure.tls is not None
