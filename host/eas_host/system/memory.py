"""
How much memory this process may use, and which process the system kills when there is none left.

The limit is the machine's memory or, if that is less, the smallest limit of its control groups.

The system kills a process that exceeds the limit of one of its groups, however much memory the machine has. In version
2 each group has a file with its limit. In version 1 `memory.stat` also has the limit of groups that a container does
not see.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host.system.control_groups import group_folders, read_system_file

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
    found = [*_machine(root), *_limits(root)]
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
    for line in read_system_file(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            yield int(rest.split()[0]) * 1024


def _limits(root: Path) -> Iterator[int]:
    for group in group_folders("memory", root):
        for name in _LIMITS:
            text = read_system_file(group / name).strip()
            if text.isdigit():  # version 2 writes `max` for no limit
                yield int(text)
        for line in read_system_file(group / "memory.stat").splitlines():
            name, _, number = line.partition(" ")
            if name == _LIMIT_OF_ANCESTORS:
                yield int(number)
