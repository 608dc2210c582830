"""
Requests whose worker died around them: in the moments between two steps of their way back to a worker, none of them is
lost, none is held up by another, and none pays for what another one did.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import LONG, proc
from support.build import SOURCES, ProcessorBuilder
from support.gate import Gate, hold
from support.host import Host, StartHost
from support.scripted import ScriptedBehaviour
from support.wire import request

Gates = Callable[[], Gate]


@pytest.fixture
def held_entry(tmp_path: Path) -> Path:
    """A copy of processors/python/held.py of this test's own, whose behaviour the test may change."""
    folder = tmp_path / "app"
    folder.mkdir()
    return Path(shutil.copy(SOURCES / "python" / "held.py", folder))


@pytest.fixture
def behaviour(held_entry: Path) -> ScriptedBehaviour:
    return ScriptedBehaviour(held_entry.with_name("behaviour"))


def gated(gate: Gate, body: str) -> bytes:
    return f"gate:{gate.folder}:{body}".encode()


def starting(gate: Gate, number: int) -> int:
    """Waits until worker *number*, counted from 0, starts a thread at *gate*; its pid. It may start another there."""
    gate.wait(lambda events: len({event.pid for event in events}) > number, f"worker {number}")
    return list(dict.fromkeys(event.pid for event in gate.events))[number]


# On the way to the run alone.


@pytest.mark.parametrize("deaths", [1, 3])
def test_suspect_runs_again_after_its_worker_died_before_taking_it(
    start: StartHost, held_entry: Path, behaviour: ScriptedBehaviour, gates: Gates, deaths: int
) -> None:
    """
    Two suspects wait; the worker that is to run the first of them is loaded and ready, and is killed before it takes
    it. That run never was: the next worker does it, and both are answered.
    """
    host = start("python", entry=held_entry, worker_threads=2, keepalive=LONG)
    host.allow_log("SIGKILL")
    requests, starts = gates(), gates()
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(gated(requests, name))) for name in ("a", "b")]
        requests.wait_entered(2)
        behaviour.set(f"start:gate {starts.folder}")
        host.kill_worker()
        for number in range(deaths):
            host.kill_worker(starting(starts, number))
        starting(starts, deaths)
        behaviour.set("ok")
        starts.release(2)
        requests.release(2)
        assert [client.read().body for client in asked] == [b"a", b"b"]
    assert sorted(event.body for event in requests.wait_entered(4)) == ["a", "a", "b", "b"]
    assert host.call(b"next").body == b"next"


def test_no_suspect_is_lost_when_the_worker_dies_between_two(start: StartHost, gate: Gate) -> None:
    """The worker is killed each time that one of five suspects is answered, with the next one taken or not."""
    host = start(keepalive=LONG)
    host.allow_log("SIGKILL")
    with ExitStack() as clients:
        asked = hold(host, gate, clients, 5)
        host.kill_worker()
        for number in range(5):
            gate.release()
            gate.wait_left(number + 1)
            done = [event.body for event in gate.events if event.kind == "leave"][number]
            assert asked[int(done)].read().text == done
            host.kill_worker()
    assert host.call(b"next").body == b"next"


# While one runs alone.


def test_suspect_abandoned_while_it_runs_alone_does_not_hold_up_others(start: StartHost, gate: Gate) -> None:
    """
    The suspect's client goes away. No other starts beside it: the worker that runs it for nobody is replaced, and each
    of the others is answered.
    """
    host = start(keepalive=LONG)
    host.allow_log("SIGKILL")
    with ExitStack() as clients:
        first, *others = hold(host, gate, clients, 4)
        host.kill_worker()
        alone = gate.wait_entered(5)[4]
        assert alone.body == "0"
        watch = proc.Watch(alone.pid)
        first.reset()
        assert watch.wait()
        assert gate.wait_entered(6)[5].pid != alone.pid
        gate.release(3)
        assert [client.read().body for client in others] == [b"1", b"2", b"3"]
    gate.catch_up()
    assert [event.body for event in gate.entries()[4:]] == ["0", "1", "2", "3"]


def test_suspects_abandoned_before_their_turn_are_not_run(start: StartHost, gate: Gate) -> None:
    """The clients of two suspects go away; the other suspects are run."""
    host = start(keepalive=LONG)
    host.allow_log("SIGKILL")
    with ExitStack() as clients:
        asked = hold(host, gate, clients, 4)
        host.kill_worker()
        gate.wait_entered(5)
        for gone in asked[1:3]:
            gone.reset()
        assert host.call(b"", "/api/builtin/none").status == 404  # a turn of the loop
        gate.release(2)
        assert [asked[0].read().body, asked[3].read().body] == [b"0", b"3"]
    gate.catch_up()
    assert [event.body for event in gate.entries()[4:]] == ["0", "3"]


def test_suspect_that_runs_alone_answers_408_at_its_deadline(start: StartHost, gate: Gate) -> None:
    """The only thread does not stay behind with it: the next request is served."""
    host = start(worker_threads=1, keepalive=2000)
    host.allow_log("SIGKILL")
    with host.ask(gate.command(b"slow")) as client:
        gate.wait_entered()
        host.kill_worker()
        gate.wait_entered(2)
        assert client.read().status == 408
        assert client.is_closed()
        assert host.call(b"next").body == b"next"


# Beside slow ones.


@pytest.mark.parametrize("count", [1, 6, 37])
def test_quick_answers_do_not_wait_for_a_slow_call_behind_them(
    start: StartHost, builder: ProcessorBuilder, gates: Gates, tmp_path: Path, count: int
) -> None:
    """
    Quick requests, and one that takes its time behind them, wait for a worker that loads. With one thread, the quick
    ones are answered as soon as they are done, not when the thread has done all.
    """
    file = ScriptedBehaviour(tmp_path / "behaviour")
    host = start(entry=builder.cpp("scripted"), model_config=file.path, worker_threads=1, keepalive=LONG)
    host.allow_log("SIGKILL")
    loads, slow = gates(), gates()
    file.set(f"gate:{loads.folder}")
    host.kill_worker()
    loads.wait_entered()
    with ExitStack() as stack:
        *quick, last = [stack.enter_context(host.connect()) for _ in range(count + 1)]
        bodies = [b"%d" % number for number in range(count)]
        for client, body in zip([*quick, last], [*bodies, f"gate:{slow.folder}".encode()], strict=True):
            client.send(request(body=body))
            assert host.call(b"", "/api/builtin/none").status == 404  # a turn of the loop: it has been read
        loads.release()
        slow.wait_entered()
        assert [client.read().body for client in quick] == bodies
        assert last.is_silent()
        slow.release()
        assert last.read().status == 200


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_quick_answers_do_not_wait_for_the_next_slow_call(start: StartHost, gate: Gate, language: str) -> None:
    """One thread does slow and quick calls by turns."""
    host = start(language, worker_threads=1, keepalive=LONG)
    with ExitStack() as stack:
        clients = [stack.enter_context(host.connect()) for _ in range(12)]
        for client in clients:
            assert client.call(b"hello").body == b"hello"
        for number, client in enumerate(clients):
            body = b"%d" % number
            client.send(request(body=body if number % 3 else gate.command(body)))
            assert host.call(b"", "/api/builtin/none").status == 404
        for number, client in enumerate(clients):
            if number % 3 == 0:
                gate.wait_entered(number // 3 + 1)
                if number:
                    quick = [clients[earlier].read().body for earlier in (number - 2, number - 1)]
                    assert quick == [b"%d" % (number - 2), b"%d" % (number - 1)]
                gate.release()
                assert client.read().body == b"%d" % number


# Deaths on a thread of the processor's own.


def test_exit_on_a_background_thread_blames_no_request(
    start: StartHost, builder: ProcessorBuilder, gates: Gates
) -> None:
    """
    A background thread calls exit() while requests run. None of them did it, so none answers 500; they never see the
    process half torn down.
    """
    trigger, gate = gates(), gates()
    host = start(entry=builder.cpp("exits_beside"), model_config=trigger.folder, keepalive=LONG)
    host.allow_log(r"exit\(7\)|exit code 7")
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(str(gate.folder).encode())) for _ in range(3)]
        gate.wait_entered(3)
        (worker,) = host.workers()
        watch = proc.Watch(worker)
        trigger.release()
        assert watch.wait()
        gate.release(3)
        assert [client.read().status for client in asked] == [200] * 3
    host.wait_for_log("exit")
    assert "torn down" not in host.new_log()
    assert host.call(b"").status == 200


def test_exit_of_a_thread_left_by_one_suspect_does_not_blame_the_next(
    start: StartHost, builder: ProcessorBuilder, gates: Gates
) -> None:
    """
    Suspects run alone, one after the other, in one worker. While the second one runs a thread that the first one may
    have started ends the worker. That proves nothing against the second, which runs again and is answered.
    """
    trigger, gate = gates(), gates()
    host = start(entry=builder.cpp("exits_beside"), model_config=trigger.folder, keepalive=LONG)
    host.allow_log(r"exit\(7\)|exit code 7|SIGKILL")
    with ExitStack() as clients:
        asked = [clients.enter_context(host.ask(str(gate.folder).encode())) for _ in range(3)]
        gate.wait_entered(3)
        host.kill_worker()
        gate.wait_entered(4)
        gate.release()
        worker = gate.wait_entered(5)[4].pid
        watch = proc.Watch(worker)
        trigger.release()
        assert watch.wait()
        assert gate.wait_entered(6)[5].pid != worker
        gate.release(2)
        assert [client.read().status for client in asked] == [200] * 3


@pytest.mark.parametrize("how", ["abort", "segv"])
def test_worker_that_ends_right_after_each_load_stops_the_host_after_three(
    held_entry: Path, behaviour: ScriptedBehaviour, tmp_path: Path, how: str
) -> None:
    """A processor with such workers has never served."""
    behaviour.set(f"start:{how}")
    host = Host(tmp_path / "host", entry=held_entry)
    try:
        name = {"abort": signal.SIGABRT, "segv": signal.SIGSEGV}[how].name
        host.allow_log(rf"{name}|eas_runtime/")  # Python's own report of a crash shows all of its frames
        host.ends_with(3)
        assert name in host.log.since(stream="stderr")[-1]
    finally:
        host.kill()


# Deaths and shortages outside.


def test_worker_killed_during_the_first_load_is_replaced(builder: ProcessorBuilder, gate: Gate, tmp_path: Path) -> None:
    """A worker that is killed from outside has not failed to load."""
    behaviour = ScriptedBehaviour(tmp_path / "behaviour")
    behaviour.set(f"gate:{gate.folder}")
    host = Host(tmp_path / "host", entry=builder.cpp("scripted"), model_config=behaviour.path)
    host.allow_log("SIGKILL")
    try:
        for number in range(1, 4):
            host.kill_worker(gate.wait_entered(number)[-1].pid)
        gate.wait_entered(4)
        gate.release()
        host.wait_listening()
        assert host.call(b"x").body == b"x"
        host.stop()
    finally:
        host.kill()
