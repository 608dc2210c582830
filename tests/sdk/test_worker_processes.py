"""
`worker_processes` above 1: under `python app.py` the program's own children, under eas-host the host's workers.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from support import proc
from support.app import Apps, apps
from support.gate import Gate
from support.host import Host
from support.program import front_of
from support.wire import command

__all__ = ["apps"]

each_way = pytest.mark.parametrize("way", ["alone", "hosted"])
each_method = pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])

THREE = "Contract(worker_processes=3, worker_threads=7).run()\nprint('behind run', flush=True)"


def gate_each(host: Host, gate: Gate, count: int) -> set[int]:
    """The processes of *count* requests that run at the same time."""
    clients = [host.ask(gate.command()) for _ in range(count)]
    pids = {event.pid for event in gate.wait_entered(count)}
    gate.release(count)
    for client in clients:
        with client:
            assert client.read().status == 200
    return pids


@each_way
def test_one_request_each(apps: Apps, gate: Gate, way: str) -> None:
    """Three processes run three requests at once, none of them two; each has called initialize."""
    host = apps.start(THREE, way=way)
    assert len(gate_each(host, gate, 3)) == 3
    assert "loads=1" in host.call(command("loaded")).text


@each_method
def test_start_methods(apps: Apps, gate: Gate, method: str) -> None:
    """What the constructor got is there, however the program's author wants its processes started."""
    before = """
class Mine(Contract):
    def __init__(self, word, **options):
        super().__init__(**options)
        self.word = word

    def process(self, data):
        return (self.word, 200) if data == b'word' else super().process(data)
"""
    body = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
    short = {"TMPDIR": "/tmp"}  # noqa: S108  the fork server's socket has a path, which must be short
    program = apps.start(body + "Mine('here', worker_processes=2).run()", before, short)
    assert program.call(b"word").body == b"here"
    assert len(gate_each(program, gate, 2)) == 2


@each_way
def test_exceptions_and_text(apps: Apps, way: str) -> None:
    """What kills EAS's own processes is answered here."""
    host = apps.start(THREE, way=way)
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("ValueError: look")
    assert host.call(command("text", "word")).body == b"word"


@each_way
@pytest.mark.parametrize("how", ["segv", "kill", "_exit:3"])
def test_one_dies(apps: Apps, gates: Callable[[], Gate], way: str, how: str) -> None:
    """It costs its own request; the others do not notice, and it is replaced."""
    host = apps.start(THREE, way=way)
    host.allow_log(".")
    gate = gates()
    with host.ask(gate.command(b"beside")) as beside:
        gate.wait_entered()
        assert host.call(command("die", how)).status == 500
        gate.release()
        assert beside.read().body == b"beside"
    host.wait_for_log("it is replaced")
    assert len(gate_each(host, gates(), 3)) == 3


def test_ctrl_c(apps: Apps, gate: Gate) -> None:
    """It reaches the whole process group; the children leave it to the program."""
    program = apps.begin(THREE)
    program.wait_listening()
    program.wait_for_log("Service start successfully")
    with program.ask(gate.command(b"last")) as client:
        gate.wait_entered()
        os.killpg(program.pid, signal.SIGINT)
        program.wait_for_log("shutting down context")
        gate.release()
        assert client.read().body == b"last"
    program.wait_for_log("^behind run$")
    program.ends_with(0)
    assert program.log.text(stream="stderr") == ""


def test_the_program_dies(apps: Apps, gate: Gate) -> None:
    """Nothing of it is left: neither its children nor the front."""
    program = apps.begin(THREE)
    program.allow_log(".")
    program.wait_listening()
    with program.ask(gate.command()) as client:
        gate.wait_entered()
        program.send_signal(signal.SIGKILL)
        assert client.read().status == 500
    program.ends_with(-signal.SIGKILL)


def test_the_front_dies(apps: Apps) -> None:
    program = apps.begin(THREE)
    program.allow_log("the HTTP front")
    program.wait_for_log("Service start successfully")
    children = proc.children(program.pid)
    os.kill(front_of(program), signal.SIGKILL)
    program.wait_for_log(r"\[ERROR\] the HTTP front \(process \d+\) died of SIGKILL")
    program.ends_with(1)
    assert proc.wait_until_gone(children) == []


def test_none_can_load(apps: Apps) -> None:
    """The reason is on standard error, the exit code 3; the program's frames are there."""
    before = "class Bad(Contract):\n    def initialize(self):\n        raise ValueError('torn')"
    program = apps.begin("Bad(worker_processes=2).run()", before)
    program.allow_log(".")
    program.ends_with(3)
    said = program.log.text(stream="stderr")
    assert "Bad.initialize() raised ValueError: torn" in said
    assert "in initialize" in said


def test_what_cannot_be_pickled(apps: Apps) -> None:
    """With spawn the processor must pickle; if it does not, that is said."""
    body = "import multiprocessing\nmultiprocessing.set_start_method('spawn')\nrunner = Contract(worker_processes=2)\n"
    program = apps.begin(body + "runner.lock = threading.Lock()\nrunner.run()")
    program.allow_log(".")
    program.ends_with(3)
    assert "pickle" in program.log.text(stream="stderr")


def test_the_host_decides(apps: Apps) -> None:
    """A flag, or its variable, wins over the constructor."""
    host = apps.start(THREE, variables={"EAS_HOST_WORKER_PROCESSES": "1"}, way="hosted")
    assert len(host.workers()) == 1
