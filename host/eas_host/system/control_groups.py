"""
The control groups that this process is in, with those above them: the limits of all of them count.

A container is a control group. In version 2 of them all limits of a group are in one folder, in version 1 each
controller has folders of its own. Both versions may be mounted side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def group_folders(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """
    Yield the folder of each group, as far up as this process sees them, that has the files of *controller*: `memory`,
    `cpu`. /proc and the groups are looked for in *root*.
    """
    for line in read_system_file(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_2 = controllers == ""
        if not version_2 and controller not in controllers.split(","):
            continue
        for top, at in _mounts(root, controller, version_2=version_2):
            yield from _upwards(root / at.lstrip("/"), _below(path, top))


def read_system_file(path: Path) -> str:
    """
    Return the text of a file in /proc or of a control group; nothing if it is missing, or if this process may not read
    it.
    """
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _mounts(root: Path, controller: str, *, version_2: bool) -> Iterator[tuple[str, str]]:
    """
    Yield for each mount of the groups the group at its top, and the path of the mount.
    """
    for line in read_system_file(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" if version_2 else kind == "cgroup" and controller in options.split(","):
            yield left.split(" ")[3], left.split(" ")[4]


def _below(path: str, top: str) -> str:
    """
    Return *path* relative to *top*; `""` if it is not below it: a container may be told a path of the machine, and see
    only its own group.
    """
    if top == "/":
        return path.strip("/")
    return path[len(top) :].strip("/") if path == top or path.startswith(f"{top}/") else ""


def _upwards(top: Path, path: str) -> Iterator[Path]:
    group = top / path
    while True:
        yield group
        if group == top or top not in group.parents:
            return
        group = group.parent
