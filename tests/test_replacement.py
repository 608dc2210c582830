"""
The life of workers beside their requests: loading, failing to load, waiting and giving up.

The processor is processors/cpp/moody.cc: each load goes as a file says at that moment. It serves on after a
crash of its own ("segv" as input), and a gate holds it while it loads.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
from pathlib import Path

import pytest

from conftest import StartHost
from support import proc
from support.build import Workshop
from support.cgroup import control_group
from support.gate import Gate
from support.host import Host
from support.wire import Client

LONG = 120_000


class Mood:
    """What a processor does at the next moment that its file decides, such as its next load."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set("ok")

    def set(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def gate(self, gate: Gate) -> None:
        """The next load waits at *gate*."""
        self.set(f"gate:{gate.folder}")


@pytest.fixture
def mood(tmp_path: Path) -> Mood:
    return Mood(tmp_path / "mood")


@pytest.fixture
def moody(start: StartHost, workshop: Workshop, mood: Mood) -> Host:
    """A host whose processor loads as `mood` says."""
    return start(entry=workshop.cpp("moody"), model_config=mood.path, keepalive=LONG)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def unstarted(folder: Path, workshop: Workshop, mood: Mood, port: int) -> Host:
    """A host that is not waited for."""
    return Host(folder, entry=workshop.cpp("moody"), model_config=mood.path, listen=f"127.0.0.1:{port}")


# The first load.


def test_nothing_is_accepted_before_it_is_loaded(workshop: Workshop, mood: Mood, gate: Gate, tmp_path: Path) -> None:
    """While initialize runs, a connection is refused; the port is the one that will be served."""
    mood.gate(gate)
    port = free_port()
    host = unstarted(tmp_path / "host", workshop, mood, port)
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
def test_stop_while_loading(workshop: Workshop, mood: Mood, gate: Gate, tmp_path: Path, number: signal.Signals) -> None:
    """A stop is a stop, also before there is anything to serve."""
    mood.gate(gate)
    host = unstarted(tmp_path / "host", workshop, mood, 0)
    try:
        gate.wait_entered()
        host.send_signal(number)
        host.ends_with(0)
    finally:
        host.kill()


def test_kill_of_the_host_while_loading(workshop: Workshop, mood: Mood, gate: Gate, tmp_path: Path) -> None:
    """The worker does not survive it, though it is busy in initialize."""
    mood.gate(gate)
    host = unstarted(tmp_path / "host", workshop, mood, 0)
    try:
        gate.wait_entered()
        host.send_signal(signal.SIGKILL)
        host.ends_with(-signal.SIGKILL)
    finally:
        host.kill()


# Replacements.


def test_requests_wait_for_the_replacement(moody: Host, mood: Mood, gate: Gate) -> None:
    """
    A worker that has served is replaced at once; those who ask while the new one loads are served by it.
    """
    mood.gate(gate)
    moody.kill_worker()
    gate.wait_entered()
    waiting = [moody.ask(b"%d" % number) for number in range(10)]
    gate.release()
    assert [client.read().body for client in waiting] == [b"%d" % number for number in range(10)]
    for client in waiting:
        client.close()
    moody.allow_log("SIGKILL")


def test_a_failed_load_is_tried_again(moody: Host, mood: Mood, gate: Gate) -> None:
    """After one failed load requests are told 503; when a later load succeeds they are served."""
    mood.set("state:7")
    assert moody.call(b"segv").status == 500
    moody.expect_log("state 7|state.*7")
    mood.gate(gate)
    gate.wait_entered()
    answer = moody.call(b"meanwhile")
    assert answer.status == 503
    assert "no healthy upstream" in answer.text
    mood.set("ok")
    gate.release()
    while (answer := moody.call(b"at last")).status == 503:
        assert "no healthy upstream" in answer.text
    assert (answer.status, answer.body) == (200, b"at last")
    moody.allow_log("SIGSEGV")


@pytest.mark.parametrize(("how", "said"), [("state:7", "7"), ("segv", "SIGSEGV"), ("_exit:5", "5"), ("exit:0", "exit")])
def test_what_has_served_is_never_given_up(moody: Host, mood: Mood, how: str, said: str) -> None:
    """
    It is tried again and again, less and less often; who asks meanwhile is told 503, why, and when to come back. As
    soon as it can be loaded again it serves.
    """
    assert moody.call(b"served").body == b"served"
    mood.set(how)
    moody.allow_log(f"{said}|SIGSEGV")
    assert moody.call(b"segv").status == 500
    for seconds in ("0.1", "0.2", "0.4", "0.8"):
        moody.wait_for_log(rf"{said}.*; it is replaced in {seconds} s")
    answer = moody.call(b"meanwhile")
    assert (answer.status, answer.get("Retry-After")) == (503, "1")
    assert "could not be loaded" in answer.text
    mood.set("ok")
    while (answer := moody.call(b"at last")).status == 503:
        pass
    assert answer.body == b"at last"


def test_who_waits_for_what_cannot_be_loaded(moody: Host, mood: Mood, gate: Gate) -> None:
    """A request that ran when the worker was killed is kept until the processor can be loaded again."""
    moody.allow_log("state|SIGKILL")
    assert moody.call(b"served").body == b"served"
    with moody.ask(b"gate:%s" % str(gate.folder).encode()) as client:
        gate.wait_entered()
        mood.set("state:7")
        moody.kill_worker()
        moody.wait_for_log("state 7", times=3)
        mood.set("ok")
        gate.wait_entered(2)
        gate.release()
        assert client.read().status == 200


def test_a_success_forgets_failures(moody: Host, mood: Mood) -> None:
    """Two failed loads, a success, and two more: each row of tries begins with a short wait."""
    moody.allow_log("state|SIGSEGV")
    for _ in range(2):
        mood.set("state:7")
        moody.mark()
        assert moody.call(b"segv").status == 500
        moody.wait_for_log(r"state.*7.*in 0\.1 s")
        moody.wait_for_log(r"state.*7.*in 0\.2 s")
        mood.set("ok")
        while moody.call(b"back").status == 503:
            pass
        assert moody.call(b"again").body == b"again"


def test_a_kill_while_loading_is_no_failed_load(moody: Host, mood: Mood, gate: Gate) -> None:
    """Three workers killed from outside while they load say nothing about the processor."""
    mood.gate(gate)
    moody.allow_log("SIGKILL")
    moody.kill_worker()
    for number in range(3):
        moody.kill_worker(gate.wait_entered(number + 1)[number].pid)
    gate.wait_entered(4)
    mood.set("ok")
    gate.release()
    while moody.call(b"back").status == 503:
        pass
    assert moody.call(b"again").body == b"again"


def test_kills_while_loading_are_waited_out(moody: Host, mood: Mood, gate: Gate) -> None:
    """
    A worker that the kernel, for want of memory, or a person kills each time that it loads is tried later and later.
    Who asks meanwhile waits, and is answered when it is over.
    """
    moody.allow_log("SIGKILL")
    assert moody.call(b"served").body == b"served"
    mood.gate(gate)
    moody.kill_worker()
    with moody.ask(b"waits") as client:
        for number, seconds in enumerate(("0.1", "0.2", "0.4", "0.8")):
            moody.kill_worker(gate.wait_entered(number + 1)[number].pid)
            moody.wait_for_log(rf"SIGKILL.*; it is replaced in {seconds} s")
        mood.set("ok")
        gate.release()
        assert client.read().body == b"waits"
    deaths = json.loads(moody.call(None, "/api/builtin/monitor", "GET").body)["worker_deaths"]
    assert deaths == {"killed": 5}


@pytest.mark.parametrize("room", [0, 1, 4], ids=lambda room: f"room-for-{room}")
def test_want_of_processes_is_waited_out(start: StartHost, room: int) -> None:
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


def test_want_of_threads_is_not_the_fault_of_a_suspect(
    start: StartHost, workshop: Workshop, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs alone, in a new process, on the first of its threads, when the second cannot be started."""
    for name in ("contract.py", "no_second_thread.py"):
        shutil.copy(workshop.python(name), tmp_path)
    monkeypatch.setenv("LD_PRELOAD", str(workshop.cpp("no_second_thread")))
    host = start("python", tmp_path / "no_second_thread.py", keepalive=LONG, worker_threads=2)
    host.allow_log("SIGKILL|cannot start its threads")
    with host.ask(gate.command(b"suspect")) as suspect:
        gate.wait_entered()
        (tmp_path / "starve").touch()
        host.kill_worker()
        gate.wait_entered(2)
        host.wait_for_log("cannot start its threads")
        gate.release(3)
        assert suspect.read().body == b"suspect"
    assert len({event.pid for event in gate.wait_entered(3)}) == 3


def test_stop_while_the_replacement_loads(moody: Host, mood: Mood, gate: Gate) -> None:
    """The host stops, with whatever exists of its workers."""
    mood.gate(gate)
    moody.allow_log("SIGKILL")
    moody.kill_worker()
    gate.wait_entered()
    moody.stop()


def test_stop_in_the_back_off(moody: Host, mood: Mood) -> None:
    """No worker is there at all."""
    mood.set("state:7")
    moody.allow_log("state|SIGSEGV")
    assert moody.call(b"segv").status == 500
    moody.wait_for_log(r"state.*7")
    moody.stop()
