"""
A control group of a test's own, with a limit: the shortages that a container meets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.proc import wait_until_gone

ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def control_group(controller: str) -> Iterator[Path]:
    """Makes the group, of cgroup v1 or v2; skips the test where that is not allowed. Who is in it must end in time."""
    parent = ROOT / controller if (ROOT / controller).is_dir() else ROOT
    group = parent / f"eas-host-test-{uuid.uuid4().hex}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if not (group / f"{controller}.max").exists() and not list(group.glob(f"{controller}.limit*")):
            pytest.skip(f"there is no controller {controller} in {parent}")
        yield group
    finally:
        left = [int(pid) for pid in (group / "cgroup.procs").read_text(encoding="ascii").split()]
        for pid in left:  # of a test that has failed
            os.kill(pid, signal.SIGKILL)
        wait_until_gone(left)
        group.rmdir()


def join(group: Path, pids: list[int]) -> None:
    """Moves processes with all of their threads into *group*; what they start is in it, too."""
    for pid in pids:
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")


def limit_processes(group: Path, more: int | None) -> None:
    """Lets *group* have so many processes and threads *more* than it has now; None: any number."""
    now = int((group / "pids.current").read_text(encoding="ascii"))
    (group / "pids.max").write_text("max" if more is None else str(now + more), encoding="ascii")
