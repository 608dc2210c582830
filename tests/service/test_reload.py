"""
`--reload`: another version takes over under load when files change, and no client notices.

Each part of the processors here (the entry, what it imports, the model) says its version in every answer, so an answer
by a mixture is seen. The load client (support/load_client.py) keeps a record of all answers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support import proc
from support.build import ProcessorBuilder
from support.cgroup import control_group
from support.gate import Gate
from support.host import Host, StartHost
from support.load_run import LoadRun

RELOADS = 50
BROKEN_EVERY = 10
DONE = r"^\[INFO\] Service reload successfully$"
REFUSED = "the old version goes on serving"

APP = """
import allspark
import part

VERSION = {version}


class Versioned(allspark.BaseProcessor):
    def initialize(self):
        with open({model!r}) as file:
            self.model = file.read()
        if {broken}:
            raise ValueError("broken on purpose")

    def process(self, data):
        return f"{{VERSION}} {{part.VERSION}} {{self.model}}|".encode() + data, 200
"""


class Program:
    """A python program of three files, in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.entry = folder / "app.py"
        self.part = folder / "part.py"
        self.model = folder / "model" / "version.txt"
        self.model.parent.mkdir(parents=True)
        self.write(1)

    def write(self, version: int, *, broken: bool = False) -> None:
        """Write *version* as an editor does: one file after the other."""
        self.part.write_text(f"VERSION = {version}\n")
        self.model.write_text(str(version))
        self.entry.write_text(APP.format(version=version, model=str(self.model), broken=broken))


def follow(host: Host, load: LoadRun, write: Callable[[int, bool], None], reloads: int) -> list[int]:
    """Makes *reloads* versions, every tenth of them broken, each when that before it has settled; returns the good."""
    good = [1]
    load.wait_answers(load.report)  # by the first
    for version in range(2, reloads + 2):
        broken = version % BROKEN_EVERY == 0
        host.mark()
        if broken:
            host.allow_log(REFUSED)
        write(version, broken)
        host.wait_for_log(REFUSED if broken else DONE)
        if not broken:
            good.append(version)
            load.wait_answers(load.report)
            assert host.call(b"?").body.endswith(b"|?")
    return good


def test_fifty_reloads_under_load_answer_every_request_by_one_version(start: StartHost, tmp_path: Path) -> None:
    """Each good version has answered, and no broken one has."""
    program = Program(tmp_path / "program")
    host = start("python", program.entry, model_entry=program.model.parent, reload=True)
    host.allow_log("broken on purpose|part.py")
    with LoadRun(host, connections=32, plan="versions", report=100) as load:
        good = follow(host, load, lambda version, broken: program.write(version, broken=broken), RELOADS)
        summary = load.finish()
    summary.check()
    assert summary.statuses == {"200": summary.answered}
    assert {int(versions.split()[0]) for versions in summary.versions} == set(good)


@pytest.mark.parametrize("room", [0, 1], ids=lambda room: f"room-for-{room}")
def test_reload_waits_until_processes_can_be_started(start: StartHost, tmp_path: Path, room: int) -> None:
    """No thread can be started; or a thread of ours, but no process. Once there is room the change is served."""
    program = Program(tmp_path / "program")
    host = start("python", program.entry, model_entry=program.model.parent, reload=True)
    host.allow_log("cannot be started|cannot start its threads")
    assert host.call(b"?").body == b"1 1 1|?"
    with control_group("pids") as group:
        group.join([host.pid])
        group.limit_processes(room)
        program.write(2)
        host.wait_for_log("tried again")
        assert host.call(b"?").body == b"1 1 1|?"
        group.limit_processes(None)
        host.wait_for_log(DONE)
        assert host.call(b"?").body == b"2 2 2|?"
        host.stop()


def test_library_overwritten_in_place_is_reloaded_without_a_crash(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A process that has it mapped would crash."""
    folder = tmp_path / "library"
    folder.mkdir()
    entry, model = folder / "libversioned.so", folder / "version.txt"
    built = {number: builder.cpp("versioned", f"-DVERSION={number}") for number in (-1, 1, 2, 3, 4)}

    def write(version: int, broken: bool) -> None:
        model.write_text(f"{version}\n")
        shutil.copyfile(built[-1 if broken else version], entry)

    write(1, False)
    host = start("cpp", entry, model_entry=model, reload=True)
    with LoadRun(host, connections=32, plan="versions", report=100) as load:
        load.wait_answers(load.report)
        for version in (2, 3, 4):
            host.mark()
            write(version, False)
            host.wait_for_log(DONE)
            load.wait_answers(load.report)
        host.mark()
        host.allow_log(REFUSED)
        write(5, True)
        host.wait_for_log(f"initialize failed with state 7;.*{REFUSED}")
        summary = load.finish()
    summary.check()
    assert set(summary.versions) == {f"{version} {version}" for version in (1, 2, 3, 4)}
    assert host.call(b"x").body == b"4 4|x"


def test_running_requests_are_finished_by_the_old_version(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """The old version's worker ends after that."""
    entry = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), entry)
    host = start("python", entry, reload=True)
    (old,) = host.workers()
    watch = proc.Watch(old)
    with host.ask(gate.command(b"held")) as client:
        gate.wait_entered()
        entry.write_text(entry.read_text() + "\n# another version\n")
        host.wait_for_log(DONE)
        assert host.call(b"the new one answers").body == b"the new one answers"
        assert old in host.workers()
        gate.release()
        assert client.read().status == 200
    assert watch.wait()


def test_counters_continue_after_a_reload(start: StartHost, tmp_path: Path) -> None:
    program = Program(tmp_path / "program")
    host = start("python", program.entry, model_entry=program.model.parent, reload=True)
    for number in range(3):
        host.mark()
        program.write(number + 2)
        host.wait_for_log(DONE)
        host.call(b"one more")
    text = host.call(None, "/api/builtin/metrics", "GET").body.decode()
    assert 'eas_host_requests_total{status="200"} 3.0' in text


def test_properties_of_the_old_version_are_replaced_by_those_of_the_new(start: StartHost, tmp_path: Path) -> None:
    """A value that an operator put stays."""
    entry = tmp_path / "app.py"
    template = (
        "import allspark\n{put}\n\n\nclass P(allspark.BaseProcessor):\n    def initialize(self):\n        pass\n\n"
        "    def process(self, data):\n        return data, 200\n"
    )
    entry.write_text(template.format(put="allspark.default_properties().put('rpc.keepalive', 7000)"))
    host = start("python", entry, reload=True)
    assert value_of(host, "rpc.keepalive") == "7000"
    host.call(b'{"rpc.max_queue_size": "33"}', "/api/builtin/prop")
    host.mark()
    entry.write_text(template.format(put="allspark.default_properties().put('rpc.rate_limit', 1000)"))
    host.wait_for_log(DONE)
    assert value_of(host, "rpc.keepalive") == "5000"
    assert value_of(host, "rpc.rate_limit") == "1000"
    assert value_of(host, "rpc.max_queue_size") == "33"


def value_of(host: Host, name: str) -> str:
    properties = json.loads(host.call(None, "/api/builtin/prop", "GET").body)
    found: str = properties[name]
    return found


def test_crash_while_the_files_are_broken_ends_with_the_next_version(start: StartHost, tmp_path: Path) -> None:
    """The host tries the broken version less and less often, and takes the next one."""
    program = Program(tmp_path / "program")
    host = start("python", program.entry, model_entry=program.model.parent, reload=True)
    host.allow_log("broken on purpose|part.py|" + REFUSED)
    program.write(2, broken=True)
    host.wait_for_log(REFUSED)
    host.allow_log("worker 0")
    host.kill_worker()
    host.wait_for_log("it is replaced in")
    assert host.call(b"?").status == 503
    program.write(3)
    host.wait_for_log(DONE)
    assert host.call(b"?").body == b"3 3 3|?"
