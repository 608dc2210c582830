"""
A host stops while another version loads, or while an old one still finishes its requests.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from support import proc
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost
from support.load_run import LoadRun

DONE = r"^\[INFO\] Service reload successfully$"

APP = """
import allspark


class Versioned(allspark.BaseProcessor):
    def initialize(self):
        {initialize}

    def process(self, data):
        return b"{version}", 200
"""
HANGS = "open({fifo!r}, 'w').write('x'); import threading; threading.Event().wait()"


class ServiceWithHangingVersion:
    """A service in *folder* whose next version hangs while it loads."""

    def __init__(self, folder: Path) -> None:
        self.entry = folder / "program" / "app.py"
        self.entry.parent.mkdir()
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.write(1)
        self.cache = folder / "cache"
        self.description = folder / "service.json"
        self.description.write_text('{"name": "x", "processor_path": "program", "processor_entry": "./app.py"}')

    def start(self, folder: Path) -> Host:
        return Host(folder, {"XDG_CACHE_HOME": str(self.cache)}, ("serve", self.description), reload=True)

    def write(self, version: int, initialize: str = "pass") -> None:
        self.entry.write_text(APP.format(version=version, initialize=initialize))

    def hang(self) -> None:
        """Has a version load that hangs, and waits until it does."""
        self.write(2, HANGS.format(fifo=str(self.fifo)))
        self.fifo.read_text()

    def workspaces(self) -> list[str]:
        return sorted(path.name for path in (self.cache / "eas-host" / "workspaces").iterdir())


@pytest.fixture
def loading(tmp_path: Path) -> ServiceWithHangingVersion:
    return ServiceWithHangingVersion(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_does_not_wait_for_a_version_that_loads(
    loading: ServiceWithHangingVersion, tmp_path: Path, number: signal.Signals
) -> None:
    """The workers and workspaces of both versions are gone."""
    with loading.start(tmp_path / "host") as host:
        loading.hang()
        assert len(host.workers()) == 2
        assert host.call().body == b"1"
        host.stop(number)
    assert loading.workspaces() == []


def test_second_ctrl_c_while_a_version_loads_leaves_no_worker(
    loading: ServiceWithHangingVersion, tmp_path: Path
) -> None:
    """The workers of all versions end."""
    with loading.start(tmp_path / "host") as host:
        loading.hang()
        first = proc.Watch(host.pid)
        host.send_signal(signal.SIGINT)
        host.send_signal(signal.SIGINT)
        assert first.wait()
        assert host.process.wait() in (0, 130)  # the first alone may have been enough
        host.check_end()


def test_stop_under_load_answers_requests_of_the_old_version(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, gate: Gate
) -> None:
    """All other requests are answered, too, and then both versions end."""
    entry = tmp_path / "contract.py"
    shutil.copy(builder.contract("python"), entry)
    host = start("python", entry, reload=True, keepalive=60_000)
    with host.ask(gate.command(b"held")) as client:
        gate.wait_entered()
        entry.write_text(entry.read_text() + "\n# another version\n")
        host.wait_for_log(DONE)
        with LoadRun(host, connections=8, report=100) as load:
            load.wait_answers(load.report)
            host.send_signal(signal.SIGTERM)
            host.wait_for_log("shutting down")
            gate.release()
            assert client.read().status == 200
            host.ends_with(0)
            load.finish()
