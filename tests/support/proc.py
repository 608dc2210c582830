"""
What /proc tells about processes: who is whose child, who carries a mark, how much memory and how many
descriptors they hold.

The end of a process is waited for through a pidfd, which also works for processes that are not children of
ours and can never mean another process that got the same number later.
"""

from __future__ import annotations

import contextlib
import os
import select
from dataclasses import dataclass
from pathlib import Path

from support import TIMEOUT

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """The direct children of *pid*, of whichever thread started them."""
    return sorted(number for number in _all() if parent(number) == pid)


def parent(pid: int) -> int:
    """The parent of *pid*; 0 when there is no such process or it has ended."""
    try:
        stat = _read(pid, "stat")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    state, ppid = stat.rpartition(b")")[2].split(maxsplit=2)[:2]
    return 0 if state in b"ZX" else int(ppid)


def _all() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208  as below


def _read(pid: int, name: str) -> bytes:
    """A file about *pid*. Each host that ends has those of all processes read, for which `Path` takes twice as long."""
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()


def leads_session(pid: int) -> bool:
    """Whether *pid* lives and leads a session."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def group(leader: int) -> list[int]:
    """The living processes of the group that *leader* leads."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            state, _, number = stat.rpartition(")")[2].split()[:3]
            if int(number) == leader and state not in "ZX":
                found.append(int(entry.name))
    return sorted(found)


def name(pid: int) -> str:
    """What *pid* calls itself; nothing when it has ended."""
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8").rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked(mark: str) -> list[int]:
    """All living processes whose environment holds *mark*, however far they went from their parents."""
    found, wanted = [], mark.encode()
    for number in _all():
        try:
            if number != os.getpid() and wanted in _read(number, "environ"):
                found.append(number)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return sorted(found)


def command_line(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "(ended)"


def peak_memory(pid: int) -> int:
    """The most bytes that *pid* had in memory at any time so far."""
    status = (PROC / str(pid) / "status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def address_space(pid: int) -> int:
    """How many bytes *pid* has mapped."""
    status = (PROC / str(pid) / "status").read_text(encoding="utf-8")
    return int(status.partition("VmSize:")[2].split()[0]) * 1024


def wait_stopped(pid: int) -> None:
    """Waits until SIGSTOP has stopped all threads of *pid*; nobody can be told of that but its parent."""
    for _ in range(100_000):
        states = []
        for task in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # this thread has ended meanwhile
                states.append((task / "stat").read_text(encoding="utf-8"))
        if states and all(state.rpartition(")")[2].split()[0] == "T" for state in states):
            return
    raise AssertionError(f"process {pid} does not stop")


@dataclass(frozen=True)
class Holdings:
    """What a process holds: memory in KiB, and counts."""

    anonymous: int
    shared: int
    descriptors: int
    threads: int


def holdings(pid: int) -> Holdings:
    status = dict(
        line.split(":", 1)
        for line in (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
        if ":" in line
    )
    return Holdings(
        anonymous=int(status["RssAnon"].split()[0]),
        shared=int(status["RssShmem"].split()[0]),
        descriptors=len(list((PROC / str(pid) / "fd").iterdir())),
        threads=int(status["Threads"]),
    )


def mapped_files(pid: int) -> set[str]:
    """The paths of all files that *pid* has mapped."""
    lines = (PROC / str(pid) / "maps").read_text(encoding="utf-8", errors="replace").splitlines()
    return {fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6}


def open_files(pid: int) -> set[str]:
    """The paths of all files that *pid* has open."""
    paths = set()
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            paths.add(str(descriptor.readlink()))
    return paths


def wait_until_taken(pid: int) -> None:
    """Waits until process *pid* has taken the signals that were sent to it, or has ended."""
    pending = True
    while pending:
        try:
            status = (PROC / str(pid) / "status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return
        pending = int(status.partition("ShdPnd:")[2].split()[0], 16) != 0 and "State:\tZ" not in status


class Watch:
    """
    Holds a process's pidfd, so that its end can be waited for, whoever its parent is.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = -1

    def wait(self, timeout: float = TIMEOUT) -> bool:
        """Whether the process ended within *timeout* seconds."""
        if self._descriptor < 0:
            return True
        ready = bool(select.select([self._descriptor], [], [], timeout)[0])
        if ready:
            self.close()
        return ready

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def wait_until_gone(pids: list[int], timeout: float = TIMEOUT) -> list[int]:
    """Waits for the end of *pids*; returns those that are still there."""
    watches = [Watch(pid) for pid in pids]
    left = [watch.pid for watch in watches if not watch.wait(timeout)]
    for watch in watches:
        watch.close()
    return left


def guardian_of(worker: int, but: int = 0) -> int:
    """The process that ends what *worker* leaves behind, other than *but*; waits for it."""
    while True:
        for pid in group(worker):
            if pid != but and name(pid) == "eas-guardian":
                return pid


def status(pid: int) -> dict[str, list[str]]:
    """The lines of /proc/*pid*/status: the words of each by its name."""
    lines = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
