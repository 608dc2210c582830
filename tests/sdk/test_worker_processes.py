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
def test_three_processes_run_three_requests_at_once(apps: Apps, gate: Gate, way: str) -> None:
    """No process runs two of them; each has called initialize."""
    host = apps.start(THREE, way=way)
    assert len(gate_each(host, gate, 3)) == 3
    assert "loads=1" in host.call(command("loaded")).text


@each_method
def test_constructor_arguments_reach_processes_of_every_start_method(apps: Apps, gate: Gate, method: str) -> None:
    """The program's author chooses how its processes are started."""
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
def test_exceptions_and_returned_text_do_not_kill_a_process(apps: Apps, way: str) -> None:
    """EAS's own processes die of them."""
    host = apps.start(THREE, way=way)
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("ValueError: look")
    assert host.call(command("text", "word")).body == b"word"


@each_way
@pytest.mark.parametrize("how", ["segv", "kill", "_exit:3"])
def test_death_of_one_process_costs_only_its_own_request(
    apps: Apps, gates: Callable[[], Gate], way: str, how: str
) -> None:
    """The others do not notice, and it is replaced."""
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


def test_ctrl_c_to_the_process_group_drains(apps: Apps, gate: Gate) -> None:
    """The children leave it to the program."""
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


def test_death_of_the_program_leaves_no_child_and_no_front(apps: Apps, gate: Gate) -> None:
    program = apps.begin(THREE)
    program.allow_log(".")
    program.wait_listening()
    with program.ask(gate.command()) as client:
        gate.wait_entered()
        program.send_signal(signal.SIGKILL)
        assert client.read().status == 500
    program.ends_with(-signal.SIGKILL)


def test_death_of_the_front_ends_program_and_children(apps: Apps) -> None:
    program = apps.begin(THREE)
    program.allow_log("the HTTP front")
    program.wait_for_log("Service start successfully")
    children = proc.children(program.pid)
    os.kill(front_of(program), signal.SIGKILL)
    program.wait_for_log(r"\[ERROR\] the HTTP front \(process \d+\) died of SIGKILL")
    program.ends_with(1)
    assert proc.wait_until_gone(children) == []


def test_processes_that_cannot_load_exit_with_3_and_the_reason(apps: Apps) -> None:
    """Standard error has the program's frames."""
    before = "class Bad(Contract):\n    def initialize(self):\n        raise ValueError('torn')"
    program = apps.begin("Bad(worker_processes=2).run()", before)
    program.allow_log(".")
    program.ends_with(3)
    said = program.log.text(stream="stderr")
    assert "Bad.initialize() raised ValueError: torn" in said
    assert "in initialize" in said


def test_processor_that_cannot_be_pickled_is_reported_with_spawn(apps: Apps) -> None:
    body = "import multiprocessing\nmultiprocessing.set_start_method('spawn')\nrunner = Contract(worker_processes=2)\n"
    program = apps.begin(body + "runner.lock = threading.Lock()\nrunner.run()")
    program.allow_log(".")
    program.ends_with(3)
    assert "pickle" in program.log.text(stream="stderr")


def test_worker_processes_option_wins_over_the_constructor(apps: Apps) -> None:
    """A flag, or its variable."""
    host = apps.start(THREE, variables={"EAS_HOST_WORKER_PROCESSES": "1"}, way="hosted")
    assert len(host.workers()) == 1
