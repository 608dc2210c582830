"""
How much memory this process may use, and which process the system kills when there is none left.

The limit is the machine's memory or, if that is less, the smallest limit of its control groups.

A container is a control group: the system kills a process that exceeds its limit, however much memory the machine has.
The limits of all groups above count, too. In version 2 each group has a file with its limit. In version 1 `memory.stat`
also has the limit of groups that a container does not see. Both versions may be mounted side by side.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LIMITS: Final = ("memory.max", "memory.high", "memory.limit_in_bytes")
"""The files with a limit. Two are of version 2, where exceeding memory.high slows a process down, one of version 1."""
_LIMIT_OF_ANCESTORS: Final = "hierarchical_memory_limit"
_DEFAULT: Final = 2**30
"""The limit if no file tells it: any machine of today has so much."""

_SCORE: Final = "proc/{}/oom_score_adj"
_MAX_SCORE: Final = 1000
_SCORE_STEP: Final = 500
"""In thousandths of all memory. A worker counts as if it used half of the memory more, and so as larger than its front,
which uses at most a third of it for bodies."""


_OWN: Final = ("RssAnon", "RssFile")
"""The parts of a process's memory that /proc tells, without what it shares: the ring."""


def private_bytes() -> int:
    """
    Return how many bytes this process shares with no other, nearly all of them in its heap.
    """
    pages = Path("/proc/self/statm").read_bytes().split()
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize()


def resident_bytes(process: int) -> int | None:
    """
    Return how many bytes of *process* are in memory, without those that it shares with the front; None if it has ended.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    sizes = {name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines) if name in _OWN}
    return 1024 * sum(sizes.values()) if sizes else None


def is_free(size: int) -> bool:
    """
    Tell whether the system would give this process *size* bytes now. That takes 5 us.
    """
    import mmap  # noqa: PLC0415  the launcher does not need it

    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return False
    return True


def trim_heap() -> None:
    """
    Return the free memory of the heap to the system. That takes a millisecond or two for a hundred MiB.
    """
    import ctypes  # noqa: PLC0415  the launcher, which also imports this file, does not need it

    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # only glibc has it
        libc.malloc_trim(0)


def available_bytes(root: Path = Path("/")) -> int:
    """
    Return how many bytes this process and the others in its control groups may use together. /proc and the groups are
    looked for in *root*.
    """
    found = [*_machine(root), *_groups(root)]
    return min(found, default=_DEFAULT)


def address_space_limit() -> int | None:
    """
    Return how large the address space of this process may be, if that is limited (`ulimit -v`).
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def prefer_as_oom_victim(process: int, front: int, root: Path = Path("/")) -> None:
    """
    Let the system kill *process*, a worker that can be replaced, rather than its *front* when memory runs out.

    The front calls this for each worker that it starts: until the worker could do so itself, the front would be the
    larger of the two. A second call changes nothing.
    """
    score, ours = (root / _SCORE.format(number) for number in (process, front))
    with contextlib.suppress(OSError, ValueError):  # if it fails, the system kills the larger process
        wanted = min(_MAX_SCORE, int(ours.read_text()) + _SCORE_STEP)
        if int(score.read_text()) < wanted:
            score.write_text(str(wanted))


def _machine(root: Path) -> Iterator[int]:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            yield int(rest.split()[0]) * 1024


def _groups(root: Path) -> Iterator[int]:
    """
    Yield the limits of the groups that this process is in, and of those above them.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_2 = controllers == ""
        if not version_2 and "memory" not in controllers.split(","):
            continue
        for top, at in _mounts(root, version_2=version_2):
            yield from _limits(root, at, _below(path, top))


def _mounts(root: Path, *, version_2: bool) -> Iterator[tuple[str, str]]:
    """
    Yield for each mount of the groups the group at its top, and the path of the mount.
    """
    for line in _read(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" if version_2 else kind == "cgroup" and "memory" in options.split(","):
            yield left.split(" ")[3], left.split(" ")[4]


def _below(path: str, top: str) -> str:
    """
    Return *path* relative to *top*; `""` if it is not below it: a container may be told a path of the machine, and see
    only its own group.
    """
    if top == "/":
        return path.strip("/")
    return path[len(top) :].strip("/") if path == top or path.startswith(f"{top}/") else ""


def _limits(root: Path, mount: str, path: str) -> Iterator[int]:
    top = root / mount.lstrip("/")
    group = top / path
    while True:
        for name in _LIMITS:
            text = _read(group / name).strip()
            if text.isdigit():  # version 2 writes `max` for no limit
                yield int(text)
        for line in _read(group / "memory.stat").splitlines():
            name, _, number = line.partition(" ")
            if name == _LIMIT_OF_ANCESTORS:
                yield int(number)
        if group == top or top not in group.parents:
            return
        group = group.parent


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:  # it is missing, or this process may not read it
        return ""
