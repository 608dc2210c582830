"""
The life of workers beside their requests: loading, failing to load, waiting and giving up.

The processor is processors/cpp/scripted.cc: each load goes as a file says at that moment. It serves on after a
crash of its own ("segv" as input), and a gate holds it while it loads.
"""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from support import LONG, proc
from support.build import ProcessorBuilder
from support.cgroup import control_group
from support.gate import Gate
from support.host import Host, StartHost
from support.network import free_port
from support.scripted import ScriptedBehaviour
from support.wire import Client


@pytest.fixture
def behaviour(tmp_path: Path) -> ScriptedBehaviour:
    return ScriptedBehaviour(tmp_path / "behaviour")


@pytest.fixture
def scripted(start: StartHost, builder: ProcessorBuilder, behaviour: ScriptedBehaviour) -> Host:
    """A host whose processor loads as `behaviour` says."""
    return start(entry=builder.cpp("scripted"), model_config=behaviour.path, keepalive=LONG)


def unstarted(folder: Path, builder: ProcessorBuilder, behaviour: ScriptedBehaviour, port: int) -> Host:
    """A host that is not waited for."""
    return Host(folder, entry=builder.cpp("scripted"), model_config=behaviour.path, listen=f"127.0.0.1:{port}")


# The first load.


def test_connection_is_refused_before_the_processor_is_loaded(
    builder: ProcessorBuilder, behaviour: ScriptedBehaviour, gate: Gate, tmp_path: Path
) -> None:
    """While initialize runs; the port is the one that will be served."""
    behaviour.gate(gate)
    port = free_port()
    host = unstarted(tmp_path / "host", builder, behaviour, port)
    try:
        gate.wait_entered()
        with pytest.raises(ConnectionRefusedError):
            Client(("127.0.0.1", port))
        gate.release()
        host.wait_listening()
        assert host.address == ("127.0.0.1", port)
        assert host.call(b"x").body == b"x"
        host.stop()
    finally:
        host.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_stop_signal_while_loading_exits_with_0(
    builder: ProcessorBuilder, behaviour: ScriptedBehaviour, gate: Gate, tmp_path: Path, number: signal.Signals
) -> None:
    """There is nothing to serve yet."""
    behaviour.gate(gate)
    host = unstarted(tmp_path / "host", builder, behaviour, 0)
    try:
        gate.wait_entered()
        host.send_signal(number)
        host.ends_with(0)
    finally:
        host.kill()


def test_kill_9_of_the_host_while_loading_ends_the_worker(
    builder: ProcessorBuilder, behaviour: ScriptedBehaviour, gate: Gate, tmp_path: Path
) -> None:
    """The worker is busy in initialize."""
    behaviour.gate(gate)
    host = unstarted(tmp_path / "host", builder, behaviour, 0)
    try:
        gate.wait_entered()
        host.send_signal(signal.SIGKILL)
        host.ends_with(-signal.SIGKILL)
    finally:
        host.kill()


# Replacements.


def test_requests_wait_for_the_replacement_of_a_worker(
    scripted: Host, behaviour: ScriptedBehaviour, gate: Gate
) -> None:
    """A worker that has served is replaced at once; requests that come while the new one loads are served by it."""
    behaviour.gate(gate)
    scripted.kill_worker()
    gate.wait_entered()
    waiting = [scripted.ask(b"%d" % number) for number in range(10)]
    gate.release()
    assert [client.read().body for client in waiting] == [b"%d" % number for number in range(10)]
    for client in waiting:
        client.close()
    scripted.allow_log("SIGKILL")


def test_requests_answer_503_after_a_failed_load_until_one_succeeds(
    scripted: Host, behaviour: ScriptedBehaviour, gate: Gate
) -> None:
    behaviour.set("state:7")
    assert scripted.call(b"segv").status == 500
    scripted.expect_log("state 7|state.*7")
    behaviour.gate(gate)
    gate.wait_entered()
    answer = scripted.call(b"meanwhile")
    assert answer.status == 503
    assert "no healthy upstream" in answer.text
    behaviour.set("ok")
    gate.release()
    while (answer := scripted.call(b"at last")).status == 503:
        assert "no healthy upstream" in answer.text
    assert (answer.status, answer.body) == (200, b"at last")
    scripted.allow_log("SIGSEGV")


@pytest.mark.parametrize(("how", "said"), [("state:7", "7"), ("segv", "SIGSEGV"), ("_exit:5", "5"), ("exit:0", "exit")])
def test_processor_that_has_served_is_loaded_again_until_it_succeeds(
    scripted: Host, behaviour: ScriptedBehaviour, how: str, said: str
) -> None:
    """The host tries less and less often; requests answer 503 meanwhile, with the reason and when to come back."""
    assert scripted.call(b"served").body == b"served"
    behaviour.set(how)
    scripted.allow_log(f"{said}|SIGSEGV")
    assert scripted.call(b"segv").status == 500
    for seconds in ("0.1", "0.2", "0.4", "0.8"):
        scripted.wait_for_log(rf"{said}.*; it is replaced in {seconds} s")
    answer = scripted.call(b"meanwhile")
    assert (answer.status, answer.get("Retry-After")) == (503, "1")
    assert "could not be loaded" in answer.text
    behaviour.set("ok")
    while (answer := scripted.call(b"at last")).status == 503:
        pass
    assert answer.body == b"at last"


def test_running_request_of_a_killed_worker_waits_for_the_next_load(
    scripted: Host, behaviour: ScriptedBehaviour, gate: Gate
) -> None:
    """The request is kept until the processor can be loaded again."""
    scripted.allow_log("state|SIGKILL")
    assert scripted.call(b"served").body == b"served"
    with scripted.ask(b"gate:%s" % str(gate.folder).encode()) as client:
        gate.wait_entered()
        behaviour.set("state:7")
        scripted.kill_worker()
        scripted.wait_for_log("state 7", times=3)
        behaviour.set("ok")
        gate.wait_entered(2)
        gate.release()
        assert client.read().status == 200


def test_successful_load_resets_the_delay_of_restarts(scripted: Host, behaviour: ScriptedBehaviour) -> None:
    """Two loads fail, one succeeds, and two more fail: each row of tries begins with a short wait."""
    scripted.allow_log("state|SIGSEGV")
    for _ in range(2):
        behaviour.set("state:7")
        scripted.mark()
        assert scripted.call(b"segv").status == 500
        scripted.wait_for_log(r"state.*7.*in 0\.1 s")
        scripted.wait_for_log(r"state.*7.*in 0\.2 s")
        behaviour.set("ok")
        while scripted.call(b"back").status == 503:
            pass
        assert scripted.call(b"again").body == b"again"


def test_kill_while_loading_is_not_a_failed_load(scripted: Host, behaviour: ScriptedBehaviour, gate: Gate) -> None:
    """Three workers killed from outside say nothing about the processor."""
    behaviour.gate(gate)
    scripted.allow_log("SIGKILL")
    scripted.kill_worker()
    for number in range(3):
        scripted.kill_worker(gate.wait_entered(number + 1)[number].pid)
    gate.wait_entered(4)
    behaviour.set("ok")
    gate.release()
    while scripted.call(b"back").status == 503:
        pass
    assert scripted.call(b"again").body == b"again"


def test_requests_wait_while_workers_are_killed_again_and_again_while_loading(
    scripted: Host, behaviour: ScriptedBehaviour, gate: Gate
) -> None:
    """The kernel, for want of memory, or a person kills them: each time the next one is started later."""
    scripted.allow_log("SIGKILL")
    assert scripted.call(b"served").body == b"served"
    behaviour.gate(gate)
    scripted.kill_worker()
    with scripted.ask(b"waits") as client:
        for number, seconds in enumerate(("0.1", "0.2", "0.4", "0.8")):
            scripted.kill_worker(gate.wait_entered(number + 1)[number].pid)
            scripted.wait_for_log(rf"SIGKILL.*; it is replaced in {seconds} s")
        behaviour.set("ok")
        gate.release()
        assert client.read().body == b"waits"
    deaths = json.loads(scripted.call(None, "/api/builtin/monitor", "GET").body)["worker_deaths"]
    assert deaths == {"killed": 5}


@pytest.mark.parametrize("room", [0, 1, 4], ids=lambda room: f"room-for-{room}")
def test_host_serves_again_when_processes_can_be_started_again(start: StartHost, room: int) -> None:
    """
    No process can be started; or one, but no thread of it; or a few. The log says what is wanting, the host lives, and
    serves when there is room again.
    """
    host = start("python", keepalive=LONG)
    host.allow_log("cannot be started|cannot start its threads|can't start new thread|SIGKILL|Resource temporarily")
    assert host.call(b"served").body == b"served"
    with control_group("pids") as group:
        group.join([host.pid, *host.workers()])
        threads = proc.holdings(host.workers()[0]).threads
        group.limit_processes(room - threads)
        host.kill_worker()
        host.wait_for_log("(cannot be started|cannot start).*in 0.4 s")
        group.limit_processes(None)
        while (answer := host.call(b"again")).status == 503:
            pass
        assert answer.body == b"again"
        host.stop()


@pytest.fixture
def starving(start: StartHost, builder: ProcessorBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host in Python whose next worker cannot start a second thread if the file `starve` is there."""
    for name in ("contract.py", "no_second_thread.py"):
        shutil.copy(builder.python(name), tmp_path)
    monkeypatch.setenv("LD_PRELOAD", str(builder.cpp("no_second_thread")))
    host = start("python", tmp_path / "no_second_thread.py", keepalive=LONG, worker_threads=2)
    host.allow_log("SIGKILL|cannot start its threads")
    return host


def test_suspect_is_not_blamed_when_no_second_thread_can_be_started(starving: Host, tmp_path: Path, gate: Gate) -> None:
    """The suspect runs alone, in a new process, on the first of its threads."""
    with starving.ask(gate.command(b"suspect")) as suspect:
        gate.wait_entered()
        (tmp_path / "starve").touch()
        starving.kill_worker()
        gate.wait_entered(2)
        starving.wait_for_log("cannot start its threads")
        gate.release(3)
        assert suspect.read().body == b"suspect"
    assert len({event.pid for event in gate.wait_entered(3)}) == 3


@pytest.mark.parametrize("kind", ["python", "native"])
def test_suspect_in_cpp_is_not_blamed_when_no_second_thread_can_be_started(
    start: StartHost,
    builder: ProcessorBuilder,
    behaviour: ScriptedBehaviour,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """No thread runs it before all threads are there."""
    monkeypatch.setenv("LD_PRELOAD", str(builder.cpp("no_second_thread")))
    host = start(entry=builder.cpp("scripted"), model_config=behaviour.path, worker=kind, keepalive=LONG)
    host.allow_log("SIGKILL|SIGABRT|a worker thread cannot be started")
    with host.ask(f"gate:{gate.folder}".encode()) as suspect:
        gate.wait_entered()
        behaviour.set("no second thread")
        host.kill_worker()
        host.wait_for_log("a worker thread cannot be started")
        behaviour.set("ok")
        gate.release()
        assert suspect.read().status == 200


def test_running_request_is_not_blamed_when_no_second_thread_can_be_started(
    starving: Host, tmp_path: Path, gate: Gate
) -> None:
    """Its process ends at once: Python's own end would stop each thread wherever it is, or abort there."""
    for name in ("starve", "compute"):
        (tmp_path / name).touch()
    starving.kill_worker()
    with starving.ask(gate.command(b"innocent")) as client:
        gate.wait_entered()
        starving.wait_for_log("cannot start its threads")
        gate.wait_entered(2)
        gate.release(2)
        assert client.read().body == b"innocent"


def test_stop_while_the_replacement_loads_ends_the_host(
    scripted: Host, behaviour: ScriptedBehaviour, gate: Gate
) -> None:
    """The workers that exist end with it."""
    behaviour.gate(gate)
    scripted.allow_log("SIGKILL")
    scripted.kill_worker()
    gate.wait_entered()
    scripted.stop()


def test_stop_during_the_restart_delay_ends_the_host(scripted: Host, behaviour: ScriptedBehaviour) -> None:
    """No worker is there at all."""
    behaviour.set("state:7")
    scripted.allow_log("state|SIGSEGV")
    assert scripted.call(b"segv").status == 500
    scripted.wait_for_log(r"state.*7")
    scripted.stop()
