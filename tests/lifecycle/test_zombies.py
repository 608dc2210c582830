"""
A host that is the first process of its container becomes the parent of what its workers leave behind. It reaps these
processes: each would keep a process id, and one day there would be none left.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from support import TIMEOUT, proc
from support.build import SOURCES, ProcessorBuilder
from support.host import Host
from support.wire import command

pytestmark = pytest.mark.real_starts

ENTRY = SOURCES / "python" / "starts_others.py"
BECOME_A_SUBREAPER = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER: it stays when another program is started
os.execvp(sys.argv[1], sys.argv[1:])
"""


class FirstHost(Host):
    """A host that orphans come to, as if it were process 1."""

    def wrapped(self, command: list[str]) -> list[str]:
        return [sys.executable, "-c", BECOME_A_SUBREAPER, *command]

    def workers(self) -> list[int]:
        """Without their guardians, which are children of this host's from the start."""
        return [pid for pid in super().workers() if proc.name(pid) != "eas-guardian"]


def wait_reaped(host: Host, pids: list[int]) -> None:
    """Asks *host* for its health until nothing is left of *pids*, not even zombies."""
    end = time.monotonic() + TIMEOUT / 3
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < end, [Path(f"/proc/{pid}/stat").read_text(encoding="utf-8") for pid in left]
        host.call(None, "/api/builtin/ping", "GET")


@pytest.mark.parametrize("language", ["cpp", "python"])
def test_guardians_of_dead_workers_are_reaped(builder: ProcessorBuilder, tmp_path: Path, language: str) -> None:
    """Two workers end themselves, one after the other, and one is killed."""
    with FirstHost(tmp_path / "host", entry=builder.contract(language), processor_type=language) as host:
        host.allow_log("exit|SIGKILL")
        ended = []
        for _ in range(2):
            assert host.call(b"x").status == 200
            (worker,) = host.workers()
            ended += [proc.guardian_of(worker), worker]
            assert host.call(command("die", "_exit:7")).status == 500
        assert host.call(b"x").status == 200
        ended.append(host.kill_worker())
        wait_reaped(host, ended)


def test_processes_that_a_processor_started_are_reaped(tmp_path: Path) -> None:
    """Children of children are in the worker's group, too."""
    folder = tmp_path / "app"
    folder.mkdir()
    shutil.copy(ENTRY, folder)
    with FirstHost(tmp_path / "host", entry=folder / ENTRY.name) as host:
        host.allow_log("SIGKILL")
        assert host.call(b"x").body == b"x"
        (worker,) = host.workers()
        group = proc.group(worker)
        assert len(group) > 2
        host.kill_worker()
        wait_reaped(host, group)
        assert host.call(b"x").body == b"x"
