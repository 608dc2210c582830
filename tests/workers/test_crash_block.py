"""
`--crash-block` (`runtime.enable_crash_block`): a worker that crashed stays down, with the scene, for its author to see.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import proc
from support.build import ProcessorBuilder, need
from support.gate import Event, Gate
from support.host import Host, StartHost
from support.java import installed_home
from support.wire import Client, command

WHY = "runtime.enable_crash_block"

DIES_THE_SECOND_TIME = """
import os
import allspark
import contract

class Dies(contract.Contract):
    def process(self, data):
        if data.endswith(b":culprit"):
            if os.path.exists(SEEN):
                os._exit(7)
            open(SEEN, "x").close()
        return super().process(data)
"""

LOADS_BEHIND_A_GATE = """
import os
import allspark
import contract

class Loads(contract.Contract):
    def initialize(self):
        super().initialize()
        try:
            open(SEEN, "x").close()
        except FileExistsError:
            contract.gate(GATE + b":load")
"""

WriteApp = Callable[[str], Path]


@pytest.fixture
def write_app(builder: ProcessorBuilder, tmp_path: Path, gate: Gate) -> WriteApp:
    """Writes a program around the contract processor, with a file SEEN and the folder of its GATE."""

    def write(text: str) -> Path:
        entry = tmp_path / "app" / "app.py"
        entry.parent.mkdir()
        names = f"SEEN, GATE = {str(tmp_path / 'seen')!r}, {str(gate.folder).encode()!r}\n"
        path = f"import sys\nsys.path.append({str(builder.python('contract.py').parent)!r})\n"
        entry.write_text(path + names + text, encoding="utf-8")
        return entry

    return write


def running(host: Host) -> int:
    """The requests that are in the ring and wait for no worker."""
    busy: int = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["busy_workers"]
    return busy


def by_worker(entries: list[Event]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.pid, []).append(entry.body)
    return found


def test_requests_after_a_crash_answer_503_with_the_reason(start: StartHost) -> None:
    """The request that crashed the worker answers 500; the host lives on."""
    host = start("cpp", crash_block=True)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    answer = host.call(b"anybody there?")
    assert answer.status == 503
    assert WHY in answer.text
    assert host.workers() == []
    assert host.call(None, "/api/builtin/ping?ready=true", "GET").status == 503


COPY = re.compile(r"process (\d+) is a copy of the one that crashes, .* gdb -p \1")


def stack_of(pid: int) -> str:
    """What gdb shows of a process."""
    gdb = [need("gdb"), "-p", str(pid), "-batch", "-ex", "bt"]
    return subprocess.run(gdb, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


@pytest.mark.parametrize("kind", ["python", "native"])
def test_crash_in_cpp_leaves_a_stopped_copy_for_gdb(start: StartHost, kind: str) -> None:
    """In both kinds of worker. It ends with the host, which each stop of a host in a test demands."""
    host = start("cpp", crash_block=True, worker=kind)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    pid = int(host.wait_for_log(COPY.pattern)[1])
    assert proc.status(pid)["State"][0] in ("T", "t")
    stack = stack_of(pid)
    assert "<signal handler called>" in stack
    assert re.search(r"^#\d+ .* in process \(", stack, re.MULTILINE), stack
    assert host.call(b"anybody there?").status == 503


def test_signal_in_python_leaves_a_stopped_copy(start: StartHost) -> None:
    host = start("python", crash_block=True)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    pid = int(host.wait_for_log(COPY.pattern)[1])
    assert proc.status(pid)["State"][0] in ("T", "t")


def test_crash_in_a_native_library_of_java_leaves_a_stopped_copy(
    builder: ProcessorBuilder, start: StartHost, tmp_path: Path
) -> None:
    """Beside the JVM's own report, which has the frames in Java. A fault that the JVM handles itself leaves none."""
    include = installed_home() / "include"
    library = builder.cpp("broken/jni_score", f"-I{include}", f"-I{include / 'linux'}")
    reports = tmp_path / "reports"
    host = start(
        "java",
        builder.jar("broken.Native"),
        mainclass="broken.Native",
        model_entry=str(library),
        crash_block=True,
        crash_dir=str(reports),
    )
    host.allow_log(f"{WHY}|NullPointerException")
    assert host.call(b"null").status == 400
    assert not COPY.search(host.log.text())
    assert host.call(b"x").status == 500
    pid = int(host.wait_for_log(COPY.pattern)[1])
    assert proc.status(pid)["State"][0] in ("T", "t")
    stack = stack_of(pid)
    assert "<signal handler called>" in stack
    assert "Java_broken_Native_score" in stack
    host.stop()  # so that its report is written
    [report] = reports.glob("*/hs_err.log")
    assert "broken.Native.score" in report.read_text(encoding="utf-8", errors="replace")


def test_worker_that_is_confined_leaves_no_copy_and_says_so(start: StartHost) -> None:
    """Nobody may look into it."""
    host = start("cpp", crash_block=True, sandbox=True)
    assert host.call(command("die", "segv")).status == 500
    host.expect_log(rf"{WHY}\); there is no copy of its process for gdb, since with --sandbox nobody may look")
    assert not COPY.search(host.log.text())


def test_worker_that_is_replaced_leaves_no_copy(start: StartHost) -> None:
    """Only --crash-block asks for it."""
    host = start("cpp")
    host.allow_log("SIGSEGV")
    assert host.call(command("die", "segv")).status == 500
    host.wait_for_log("it is replaced")
    assert not COPY.search(host.log.text())


def test_requests_beside_and_behind_a_crash_answer_503_at_once(start: StartHost, gate: Gate) -> None:
    """One request waits in the queue and one ran beside the crash."""
    host = start("cpp", crash_block=True, worker_threads=2, keepalive=120_000)
    host.allow_log(WHY)
    with host.ask(gate.command(b"beside")) as beside, host.ask(gate.command(b"also")) as also:
        gate.wait_entered(2)
        with host.ask(command("die", "segv")) as waiting:
            host.wait_queue(1)
            gate.release()
            answers = [client.read().status for client in (beside, also, waiting)]
    assert answers.count(500) == 1
    assert set(answers) <= {200, 500, 503}


def test_other_workers_serve_on_after_a_crash(start: StartHost) -> None:
    host = start("cpp", crash_block=True, worker_processes=2)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    assert len(host.workers()) == 1
    assert host.call(b"anybody there?").body == b"anybody there?"


def test_worker_killed_from_outside_is_replaced(start: StartHost) -> None:
    """Such a death is no crash."""
    host = start("cpp", crash_block=True)
    host.allow_log("SIGKILL")
    host.kill_worker()
    assert host.call(b"anybody there?").body == b"anybody there?"


@pytest.mark.parametrize(("language", "how"), [("python", "_exit:7"), ("cpp", "exit_group:7")])
def test_all_running_requests_answer_500_where_the_culprit_is_unknown(
    start: StartHost, gate: Gate, language: str, how: str
) -> None:
    """
    They answer at once: on the other worker they could not run alone, and the culprit among them would take that down,
    too. That worker serves on, and nothing is left in the ring.
    """
    host = start(language, crash_block=True, worker_processes=2, worker_threads=2, keepalive=60_000)
    host.allow_log(WHY)
    with ExitStack() as clients:
        asked = {str(n): clients.enter_context(host.ask(gate.command(b"%d" % n))) for n in range(3)}
        (alone,) = (bodies[0] for bodies in by_worker(gate.wait_entered(3)).values() if len(bodies) == 1)
        answer = host.call(command("die", how))
        beside = asked.pop(alone).read()
        assert (answer.status, beside.status) == (500, 500)
        assert WHY in answer.text
        assert WHY in beside.text
        assert len(host.workers()) == 1
        gate.release(2)
        assert [client.read().status for client in asked.values()] == [200, 200]
    assert host.call(b"next").body == b"next"
    assert running(host) == 0


def test_waiting_suspect_runs_on_the_other_worker(start: StartHost, gate: Gate, write_app: WriteApp) -> None:
    """A kill from outside made two requests suspects; the first ends the worker. The second runs on the other one."""
    entry = write_app(DIES_THE_SECOND_TIME)
    host = start("python", entry, crash_block=True, worker_processes=2, worker_threads=2, keepalive=60_000)
    host.allow_log(f"{WHY}|SIGKILL")
    with ExitStack() as clients:
        asked: dict[str, Client] = {}
        for number, body in enumerate(("culprit", "a", "b", "c"), 1):
            asked[body] = clients.enter_context(host.ask(gate.command(body.encode())))
            gate.wait_entered(number)
        (victim,) = (pid for pid, bodies in by_worker(gate.entries()).items() if "culprit" in bodies)
        host.kill_worker(victim)
        assert asked.pop("culprit").read().status == 500
        gate.release(3)
        assert {body: client.read().body for body, client in asked.items()} == {body: body.encode() for body in asked}
    assert len(host.workers()) == 1
    assert running(host) == 0


def test_requests_wait_while_the_other_worker_is_replaced(start: StartHost) -> None:
    """The other worker was killed from outside, so it will be back."""
    host = start("cpp", crash_block=True, worker_processes=2)
    host.allow_log(f"{WHY}|SIGKILL")
    assert host.call(command("die", "segv")).status == 500
    assert host.call(b"before").status == 200
    host.kill_worker()
    assert host.call(b"after").status == 200


def test_crash_before_all_workers_are_ready_is_a_failed_load(tmp_path: Path, gate: Gate, write_app: WriteApp) -> None:
    """The host ends with its exit code, and does not wait for that worker for ever."""
    entry = write_app(LOADS_BEHIND_A_GATE)
    host = Host(tmp_path / "host", entry=entry, crash_block=True, worker_processes=2, log_level="debug")
    try:
        host.allow_log("SIGUSR2")
        gate.wait_entered()
        host.wait_for_log(r"worker \d: ready")
        (loading,) = (event.pid for event in gate.entries())
        (ready,) = (pid for pid in host.workers() if pid != loading)
        os.kill(ready, signal.SIGUSR2)
        host.ends_with(3)
    finally:
        host.kill()
