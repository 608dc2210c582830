"""
A control group with a limit for one test, as a container has; version 1 or 2, whichever this machine has.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from support import proc

ROOT = Path("/sys/fs/cgroup")


class Group:
    """One group of *controllers*. Version 1 has a folder for each of them, version 2 one for all."""

    def __init__(self, controllers: Iterable[str]) -> None:
        name = f"eas-host-test-{uuid.uuid4().hex}"
        parents = {controller: ROOT / controller for controller in controllers}
        self._version_1 = all(parent.is_dir() for parent in parents.values())
        self._folders = {
            controller: (parent if self._version_1 else ROOT) / name for controller, parent in parents.items()
        }

    @property
    def folders(self) -> set[Path]:
        return set(self._folders.values())

    def join(self, pids: Iterable[int]) -> None:
        """Moves processes with all of their threads into the group; what they start is in it, too."""
        for pid in pids:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Everything that is started in this block begins in the group."""
        before = [self._own(controller) for controller in self._folders]
        self.join([os.getpid()])
        try:
            yield
        finally:
            for folder in before:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

    def limit_memory(self, size: int) -> None:
        """Lets the group use *size* bytes."""
        (self._folders["memory"] / ("memory.limit_in_bytes" if self._version_1 else "memory.max")).write_text(str(size))

    def limit_processes(self, more: int | None) -> None:
        """Lets it have so many processes and threads *more* than it has now; None: any number."""
        folder = self._folders["pids"]
        now = int((folder / "pids.current").read_text())
        (folder / "pids.max").write_text("max" if more is None else str(now + more))

    def kills(self) -> int:
        """How many of its processes the system has killed for want of memory."""
        name = "memory.oom_control" if self._version_1 else "memory.events"
        lines = (self._folders["memory"] / name).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def missing(self) -> list[str]:
        """The controllers that the group does not have."""
        return [
            controller
            for controller, folder in self._folders.items()
            if not any(folder.glob(f"{controller}.max")) and not any(folder.glob(f"{controller}.limit_in_bytes"))
        ]

    def remove(self) -> None:
        """Ends the processes that a failed test left in the group, and removes it."""
        for folder in self.folders:
            left = [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            proc.wait_until_gone(left)
            folder.rmdir()

    def _own(self, controller: str) -> Path:
        """The folder of the group that the tests run in."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if self._version_1 and controller in controllers.split(","):
                return ROOT / controller / path.lstrip("/")
            if not self._version_1 and controllers == "":
                return ROOT / path.lstrip("/")
        raise AssertionError("the tests run in no group")


@contextlib.contextmanager
def control_group(*controllers: str) -> Iterator[Group]:
    """A new group of *controllers*, `memory` and `pids`; the test is skipped where none can be made."""
    group = Group(controllers)
    try:
        for folder in group.folders:
            folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if missing := group.missing():
            pytest.skip(f"control groups here do not limit {', '.join(missing)}")
        yield group
    finally:
        group.remove()
