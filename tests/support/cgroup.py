"""
A control group with a limit on memory, as a container has one; version 1 or 2, whichever this machine has.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import proc

VERSION_1 = Path("/sys/fs/cgroup/memory")
VERSION_2 = Path("/sys/fs/cgroup")


class Group:
    """One group, at *path*. Whoever is in it must have ended before it is removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version_1 = (path / "memory.limit_in_bytes").exists()

    def limit(self, size: int) -> None:
        (self.path / ("memory.limit_in_bytes" if self._version_1 else "memory.max")).write_text(str(size))

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """What is started here is born in the group."""
        before = _own_group(version_1=self._version_1)
        (self.path / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (before / "cgroup.procs").write_text(str(os.getpid()))

    def kills(self) -> int:
        """How many processes of the group the system has killed for want of memory."""
        name = "memory.oom_control" if self._version_1 else "memory.events"
        lines = (self.path / name).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@contextlib.contextmanager
def limited(size: int) -> Iterator[Group]:
    """A group that may use *size* bytes; the test is skipped where none can be made."""
    path = (VERSION_1 if VERSION_1.is_dir() else VERSION_2) / f"eas-test-{uuid.uuid4().hex}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        group = Group(path)
        try:
            group.limit(size)
        except OSError as error:
            pytest.skip(f"control groups here do not limit memory: {error}")
        yield group
    finally:
        proc.wait_until_gone([int(pid) for pid in (path / "cgroup.procs").read_text().split()])
        path.rmdir()


def _own_group(*, version_1: bool) -> Path:
    """The folder of the group that the tests run in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if version_1 and "memory" in controllers.split(","):
            return VERSION_1 / path.lstrip("/")
        if not version_1 and controllers == "":
            return VERSION_2 / path.lstrip("/")
    raise AssertionError("the tests run in no group")
