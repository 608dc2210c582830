"""
How much memory this process may use, and whom the system kills when there is none.

It may use the machine's, or the least that one of its control groups allows.

A container is a control group, and its limit is what the system kills for, however much the machine has. A limit of any
group above counts too. In version 2 each group's limit is in a file of its own, on the way up; in version 1
`memory.stat` also tells of the groups that a container does not see. The two may be mounted side by side.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LIMITS: Final = ("memory.max", "memory.high", "memory.limit_in_bytes")
"""In files of their own: of version 2, where memory.high slows down to a crawl what exceeds it; and of version 1."""
_ABOVE: Final = "hierarchical_memory_limit"
_UNKNOWN: Final = 2**30
"""Where nothing tells: little enough for any machine of today."""

_SCORE: Final = "proc/{}/oom_score_adj"
_SCORE_MOST: Final = 1000
_SCORE_STEP: Final = 500
"""Thousandths of the memory there is: with half of it more to its name, a worker counts as larger than its front, which
has a third of it for bodies at most."""


def private() -> int:
    """
    The bytes of this process that it shares with nobody, nearly all of them its heap.
    """
    pages = Path("/proc/self/statm").read_bytes().split()
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize()


def trim_heap() -> None:
    """
    Give what is free in the heap back to the system. That takes a millisecond or two for a hundred MiB.
    """
    import ctypes  # noqa: PLC0415  the launcher, which uses this file too, has no need of it

    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc's; others may have none
        libc.malloc_trim(0)


def available(root: Path = Path("/")) -> int:
    """
    The bytes that this process may use, with what lives in its control groups; *root* is where /proc and the groups are
    looked for.
    """
    found = [*_machine(root), *_groups(root)]
    return min(found, default=_UNKNOWN)


def address_space() -> int | None:
    """
    The bytes of addresses that this process may use, if that is limited (`ulimit -v`).
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def kill_first(process: int, front: int, root: Path = Path("/")) -> None:
    """
    Have the system kill *process*, which is a worker and can be replaced, rather than its *front*.

    A front does so for each worker that it starts: until a worker could do it itself, the front would be the larger of
    the two. To do it twice changes nothing.
    """
    score, ours = (root / _SCORE.format(number) for number in (process, front))
    with contextlib.suppress(OSError, ValueError):  # without it the larger process is killed, as anywhere
        wanted = min(_SCORE_MOST, int(ours.read_text()) + _SCORE_STEP)
        if int(score.read_text()) < wanted:
            score.write_text(str(wanted))


def _machine(root: Path) -> Iterator[int]:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            yield int(rest.split()[0]) * 1024


def _groups(root: Path) -> Iterator[int]:
    """
    The limits of the groups that this process is in, and of those above them.
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
    Where the groups are mounted: which of them is at the top there, and the path of that place.
    """
    for line in _read(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" if version_2 else kind == "cgroup" and "memory" in options.split(","):
            yield left.split(" ")[3], left.split(" ")[4]


def _below(path: str, top: str) -> str:
    """
    *path* as seen from *top*. A container may be told a path of the machine's, while all that it sees is its own group.
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
            if text.isdigit():  # version 2 says `max` where there is none
                yield int(text)
        for line in _read(group / "memory.stat").splitlines():
            name, _, number = line.partition(" ")
            if name == _ABOVE:
                yield int(number)
        if group == top or top not in group.parents:
            return
        group = group.parent


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:  # not there, or not for us: then it limits nothing that we could know of
        return ""
