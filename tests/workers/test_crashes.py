"""
Crashes of worker processes: the request that did it answers 500 with one clear line, an innocent one never
does.

Requests are held inside the processor by gates (support/gate.py), so that it is known who ran when a worker
died, and counted how often each of them ran in all.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from support import LONG, proc
from support.columns import LANGUAGES
from support.gate import Event, Gate, hold
from support.host import StartHost
from support.wire import command, request


class Crash(NamedTuple):
    """A way to end a worker from inside process."""

    language: str
    how: str
    said: str  # in the answer and in the log
    named: bool = True  # whether the worker itself knows which request it was

    def __str__(self) -> str:
        return f"{self.language}-{self.how}"


CRASHES = [
    Crash("cpp", "segv", "SIGSEGV"),
    Crash("cpp", "jump", "SIGSEGV"),
    Crash("cpp", "deep", "SIGSEGV"),
    Crash("cpp", "abort", "SIGABRT"),
    Crash("cpp", "terminate", "SIGABRT"),
    Crash("cpp", "fpe", "SIGFPE"),
    Crash("cpp", "ill", "SIG"),
    Crash("cpp", "bus", "SIGBUS"),
    Crash("cpp", "exit:3", "exit"),
    Crash("cpp", "exit:0", "exit"),
    Crash("cpp", "_exit:3", "_exit"),
    Crash("cpp", "_exit:0", "_exit"),
    Crash("cpp", "kill", "SIGKILL"),
    Crash("java", "segv", "SIGSEGV"),
    Crash("java", "exit:3", "System.exit(3)"),
    Crash("java", "_exit:3", "Runtime.halt(3)"),
    Crash("java", "kill", "SIGKILL", named=False),
    Crash("python", "segv", "SIGSEGV"),
    Crash("python", "abort", "SIGABRT"),
    Crash("python", "_exit:3", "exit", named=False),
    Crash("python", "kill", "SIGKILL", named=False),
]


@pytest.fixture
def open_clients() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as stack:
        yield stack


def bodies(events: list[Event]) -> list[str]:
    return sorted(event.body for event in events)


def one_at_a_time(events: list[Event]) -> bool:
    """Whether each that entered left, or died, before the next one entered."""
    return [event.kind for event in events] == ["enter", "leave"] * (len(events) // 2)


@pytest.mark.parametrize("crash", CRASHES, ids=str)
def test_crash_answers_500_and_requests_beside_it_run_again(
    start: StartHost, gate: Gate, open_clients: ExitStack, crash: Crash
) -> None:
    """
    Four requests run beside the one that crashes. It answers 500 with one clear line, which the log has too, and below
    it at most where the processor was; the four run once more, in another process, and answer 200; the next request
    works.
    """
    host = start(crash.language, keepalive=LONG)
    held = hold(host, gate, open_clients, 4)
    if crash.language == "python":
        host.allow_log(r"eas_runtime/[\w/]+\.py")  # Python's own report of a crash shows all of its frames
    watch = proc.Watch(host.workers()[0])
    culprit = open_clients.enter_context(host.ask(command("die", crash.how)))
    assert watch.wait()
    gate.release(4)
    assert [client.read().text for client in held] == ["0", "1", "2", "3"]
    answer = culprit.read()
    assert answer.status == 500
    sentence, *frames = answer.text.strip().splitlines()
    assert crash.said in sentence
    assert all(frame.startswith("  at ") for frame in frames), answer.text
    host.expect_log(re.escape(crash.said))
    assert host.call(b"next").body == b"next"
    assert len(host.workers()) == 1
    gate.catch_up()
    assert bodies(gate.entries()) == ["0", "0", "1", "1", "2", "2", "3", "3"]
    if not crash.named:
        assert one_at_a_time(gate.events[4:]), gate.events


@pytest.mark.parametrize("crash", [CRASHES[0], CRASHES[11], CRASHES[13]], ids=str)
def test_no_retry_answers_500_to_all_that_ran_in_the_dead_worker(
    start: StartHost, gate: Gate, open_clients: ExitStack, crash: Crash
) -> None:
    """Requests that waited are served."""
    host = start(crash.language, keepalive=LONG, no_retry=True)
    held = hold(host, gate, open_clients, 4)
    culprit = open_clients.enter_context(host.ask(command("die", crash.how)))
    for client in [*held, culprit]:
        assert client.read().status == 500
    host.expect_log(crash.said)
    assert host.call(b"next").body == b"next"
    assert len(gate.catch_up()) == 4


@pytest.mark.parametrize("how", ["segv", "_exit:3"])
def test_each_of_several_crashing_requests_answers_500(
    start: StartHost, gate: Gate, open_clients: ExitStack, how: str
) -> None:
    """Three of five crash: the two others answer 200, in whatever order it comes."""
    host = start(worker_threads=5, keepalive=LONG)
    host.allow_log("exit|SIGSEGV")
    held = hold(host, gate, open_clients, 2)
    watch = proc.Watch(host.workers()[0])
    culprits = [open_clients.enter_context(host.ask(command("die", how))) for _ in range(3)]
    assert watch.wait()
    gate.release(2 * 4)  # each may be let go in three processes that die before it is answered
    assert [client.read().status for client in culprits] == [500] * 3
    assert [client.read().text for client in held] == ["0", "1"]
    assert host.call(b"next").body == b"next"


def test_worker_is_replaced_after_each_of_thirty_crashes(start: StartHost, open_clients: ExitStack) -> None:
    """The crashes come one after the other on one connection; each worker has served."""
    host = start(keepalive=LONG)
    client = open_clients.enter_context(host.connect())
    for number in range(10):
        for how in ("segv", "abort", "_exit:1"):
            assert client.call(command("die", how)).status == 500
        assert client.call(b"%d" % number).body == b"%d" % number
    host.allow_log("SIGSEGV|SIGABRT|exit")


def test_pipelined_requests_around_a_crash_are_answered_in_order(start: StartHost, open_clients: ExitStack) -> None:
    host = start(keepalive=LONG)
    client = open_clients.enter_context(host.connect())
    client.send(request(body=b"1") + request(body=command("die", "segv")) + request(body=b"3"))
    answers = [client.read() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert [answers[0].body, answers[2].body] == [b"1", b"3"]
    host.expect_log("SIGSEGV")


def test_crash_report_has_address_and_functions(start: StartHost) -> None:
    host = start()
    assert "0x10" in host.call(command("die", "segv")).text
    host.expect_log("SIGSEGV.*0x10")
    host.wait_for_log(r"at .*contract\.cc:\d+\)$")


# Deaths that nobody inside caused.


@pytest.mark.parametrize("language", LANGUAGES)
def test_requests_of_a_killed_worker_run_again_one_at_a_time(
    start: StartHost, gate: Gate, open_clients: ExitStack, language: str
) -> None:
    """kill -9 with five requests running: nobody answers 500. They are suspects."""
    host = start(language, keepalive=LONG)
    held = hold(host, gate, open_clients, 5)
    first = host.kill_worker()
    for number in range(5):
        gate.wait_entered(6 + number)
        for _ in range(50):  # time for another one to come, if it were allowed to
            assert host.call(b"", "/api/builtin/none").status == 404
        gate.release()
        gate.wait_left(number + 1)
    assert [client.read().text for client in held] == ["0", "1", "2", "3", "4"]
    assert bodies(gate.entries()) == sorted("0123401234")
    assert one_at_a_time(gate.events[5:]), gate.events
    assert first not in host.workers()
    host.allow_log("SIGKILL")


SIGNALS = [
    ("cpp", signal.SIGKILL),
    ("cpp", signal.SIGSEGV),
    ("cpp", signal.SIGABRT),
    ("java", signal.SIGKILL),
    ("python", signal.SIGKILL),
    ("python", signal.SIGSEGV),
]


@pytest.mark.parametrize(("language", "number"), SIGNALS, ids=lambda value: getattr(value, "name", value))
def test_signal_from_outside_blames_no_request(
    start: StartHost, gate: Gate, open_clients: ExitStack, language: str, number: signal.Signals
) -> None:
    """Some of the signals are those that crashes raise."""
    host = start(language, keepalive=LONG)
    host.allow_log(rf"{number.name}|eas_runtime/[\w/]+\.py")
    held = hold(host, gate, open_clients, 3)
    host.kill_worker(number=number)
    gate.release(3)
    assert [client.read().text for client in held] == ["0", "1", "2"]
    host.wait_for_log(number.name)


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_worker_ignores_stop_signals_and_finishes_its_request(
    start: StartHost, gate: Gate, open_clients: ExitStack, language: str
) -> None:
    """
    SIGTERM, SIGHUP and SIGINT, sent to everything that belongs to a service, are for the host, which lets its workers
    finish.
    """
    host = start(language, keepalive=LONG)
    held = hold(host, gate, open_clients, 1)
    (worker,) = host.workers()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(worker, number)
    gate.release(1)
    assert held[0].read().text == "0"
    assert host.workers() == [worker]


def test_second_kill_from_outside_does_not_blame_the_suspect_that_runs_alone(
    start: StartHost, gate: Gate, open_clients: ExitStack
) -> None:
    """The kill proves nothing against a request that happened to run alone at that moment."""
    host = start(keepalive=LONG)
    held = hold(host, gate, open_clients, 3)
    host.kill_worker()
    gate.wait_entered(4)
    host.kill_worker(gate.entries()[-1].pid)
    gate.release(3)
    assert [client.read().text for client in held] == ["0", "1", "2"]
    host.allow_log("SIGKILL")


@pytest.mark.parametrize("language", LANGUAGES)
def test_idle_worker_that_is_killed_is_replaced(start: StartHost, language: str) -> None:
    """Requests that come meanwhile wait a moment."""
    host = start(language, keepalive=LONG)
    for number in range(3):
        host.kill_worker()
        assert host.call(b"%d" % number).body == b"%d" % number
    assert len(host.workers()) == 1
    host.allow_log("SIGKILL")


def test_queued_requests_are_served_once_after_the_worker_is_killed(
    start: StartHost, gate: Gate, open_clients: ExitStack
) -> None:
    """Twenty requests wait behind one when the only worker is killed."""
    host = start(worker_threads=1, keepalive=LONG)
    held = hold(host, gate, open_clients, 1)
    waiting = [open_clients.enter_context(host.ask(gate.command(b"w%d" % number))) for number in range(20)]
    host.kill_worker()
    gate.release(21)
    assert held[0].read().body == b"0"
    assert [client.read().text for client in waiting] == [f"w{number}" for number in range(20)]
    assert bodies(gate.wait_entered(22)) == sorted(["0", "0", *(f"w{number}" for number in range(20))])
    host.allow_log("SIGKILL")


def test_request_whose_client_left_is_not_run_again(start: StartHost, gate: Gate) -> None:
    host = start(keepalive=LONG)
    client = host.ask(gate.command(b"gone"))
    gate.wait_entered()
    client.reset()
    assert host.call(b"a turn of the loop").status == 200
    host.kill_worker()
    assert host.call(b"next").body == b"next"
    assert bodies(gate.catch_up()) == ["gone"]
    host.allow_log("SIGKILL")


def test_second_run_keeps_the_deadline_of_the_first(start: StartHost, gate: Gate, open_clients: ExitStack) -> None:
    """408, not another --keepalive."""
    host = start(keepalive=2000)
    held = hold(host, gate, open_clients, 1)
    host.kill_worker()
    assert held[0].read().status == 408
    assert held[0].is_closed()
    gate.release(1)
    assert host.call(b"next").body == b"next"
    host.allow_log("SIGKILL")


@pytest.mark.parametrize("size", [10, 16 << 10, 20_000, 1 << 20])
def test_input_that_the_processor_changed_is_whole_in_the_second_run(
    start: StartHost, gate: Gate, open_clients: ExitStack, size: int
) -> None:
    """The processor writes into its input, const or not."""
    host = start(keepalive=LONG)
    body = os.urandom(size).replace(b"\n", b"n").replace(b"\0", b"0").hex().encode()[:size]
    client = open_clients.enter_context(host.ask(gate.command(body, verb="scribble")))
    gate.wait_entered()
    host.kill_worker()
    gate.release()
    assert (client.read().body == body) is True
    host.allow_log("SIGKILL")


# Several worker processes.


def test_two_worker_processes_run_two_requests_at_once(start: StartHost, gate: Gate, open_clients: ExitStack) -> None:
    """--worker-processes 2 with one thread each."""
    for language in LANGUAGES:
        host = start(language, worker_processes=2, worker_threads=1, keepalive=LONG)
        seen = len(gate.entries())
        held = hold(host, gate, open_clients, 2)
        assert {event.pid for event in gate.entries()[seen:]} == set(host.workers())
        gate.release(2)
        assert [client.read().text for client in held] == ["0", "1"]


def test_death_of_one_worker_does_not_touch_the_others(
    start: StartHost, gates: Callable[[], Gate], open_clients: ExitStack
) -> None:
    """While a suspect runs alone, other requests are served."""
    host = start(worker_processes=2, worker_threads=1, keepalive=LONG)
    gate = gates()
    held = hold(host, gate, open_clients, 2)
    victim = gate.entries()[0]
    host.kill_worker(victim.pid)
    again = gate.wait_entered(3)[2]
    assert again.body == victim.body
    survivor = gate.entries()[1]
    assert survivor.pid in host.workers()
    gate.release(2)
    assert [client.read().text for client in held] == ["0", "1"]
    assert bodies(gate.entries()) == sorted([victim.body, victim.body, survivor.body])
    host.allow_log("SIGKILL")


def test_other_requests_are_served_while_a_suspect_runs_alone(
    start: StartHost, gate: Gate, open_clients: ExitStack
) -> None:
    host = start(worker_processes=2, worker_threads=1, keepalive=LONG)
    held = hold(host, gate, open_clients, 1)
    host.kill_worker(gate.entries()[0].pid)
    gate.wait_entered(2)
    for number in range(20):
        assert host.call(b"%d" % number).body == b"%d" % number
    gate.release()
    assert held[0].read().body == b"0"
    host.allow_log("SIGKILL")


def test_requests_survive_the_death_of_all_workers_at_once(
    start: StartHost, gate: Gate, open_clients: ExitStack
) -> None:
    """Three workers with nine requests are killed together: there are nine answers, and none of them is 500."""
    host = start(worker_processes=3, worker_threads=3, keepalive=LONG)
    held = hold(host, gate, open_clients, 9)
    watches = [proc.Watch(pid) for pid in host.workers()]
    for watch in watches:
        os.kill(watch.pid, signal.SIGKILL)
    assert all(watch.wait() for watch in watches)
    gate.release(9)
    assert [client.read().text for client in held] == [str(number) for number in range(9)]
    assert bodies(gate.wait_entered(18)) == sorted("012345678" * 2)
    host.allow_log("SIGKILL")
