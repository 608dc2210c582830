"""
Whether files change: told by the system, judged by what the files are.

The system's word (`file_events`) says when to look. What to make of it is decided by a `Fingerprint`:
names, sizes, times and inodes of all that is watched. A file is watched through its folder, since editors and
compilers replace files rather than write into them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eas_host.deploy.deployment import PYTHON_FILES

if TYPE_CHECKING:
    from eas_host.service.file_events import FileEvents

Fingerprint = dict[str, tuple[int, ...]]
"""
Of each file its size, when its content and when anything about it has changed last, in nanoseconds, and its inode. The
second of the times cannot be set: unpacking and `cp -p` set the first one.
"""

_SKIPPED: Final = frozenset({"ENV", "__pycache__", "node_modules"})
"""Folders that say nothing about a version: an environment is large, and the others are made by what runs."""
LOOK_SECONDS: Final = 1.0
"""After so long a silence somebody looks all the same: not all file systems tell of all changes."""


def fingerprint(paths: Sequence[Path]) -> Fingerprint:
    """
    Look at the files at *paths*, and at all files below those that are folders. What is not there has no entry.
    """
    found: Fingerprint = {}
    for path in paths:
        for file in files_below(path):
            try:
                status = file.stat()
            except OSError:
                continue  # it is being replaced; the next look sees it
            found[str(file)] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return found


def unchanged_since(moment: int, files: Fingerprint) -> Fingerprint:
    """
    Those of *files* about which nothing has changed since *moment*, in nanoseconds of the clock.
    """
    return {name: status for name, status in files.items() if status[2] < moment}


def files_below(path: Path) -> Iterator[Path]:
    """
    Yield *path* itself if it is no folder, else the files below it that say something about a version. Links to folders
    are followed, for a model's newest version may be one; but not where only Python files count.
    """
    if path.name == PYTHON_FILES:
        for _, files in _walk(path.parent, follow=False):
            yield from (file for file in files if file.suffix == ".py")
    elif _is_folder(path):
        for _, files in _walk(path, follow=True):
            yield from files
    else:
        yield path


def _walk(path: Path, *, follow: bool) -> Iterator[tuple[Path, list[Path]]]:
    """
    Yield each folder below *path*, each once whatever leads to it, and its files.
    """
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, followlinks=follow):
        try:
            status = os.stat(folder)  # noqa: PTH116  a walk may have thousands of folders
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_skipped(name))
        yield Path(folder), [Path(folder, name) for name in names if not is_skipped(name)]


def is_skipped(name: str) -> bool:
    """
    Whether a file or folder *name* inside a folder that is watched says nothing about a version.
    """
    return name in _SKIPPED or name.startswith(".")


class FileWatcher:
    """
    Calls *on_change*, on *loop*, whenever something has changed in what it follows, and again and again in between.

    Attributes:
        look_seconds: how long at most until the next call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None]) -> None:
        self.look_seconds = LOOK_SECONDS
        self._loop = loop
        self._on_change = on_change
        self._events: FileEvents | None = None
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, paths: Sequence[Path]) -> None:
        """
        Follow *paths* from here on, in place of what was followed. Also the same ones again: a folder that was removed
        and made again is another one for the system.
        """
        from eas_host.service.file_events import FileEvents, Watched  # noqa: PLC0415  only --reload needs it

        self.close()
        python = [path for path in paths if path.name == PYTHON_FILES]
        real = [path.resolve() for path in paths if path not in python]
        folders = {path for path in real if _is_folder(path)}
        files = {path for path in real if path not in folders}
        around = {path.parent for path in files if _is_folder(path.parent)}
        sources = {folder.resolve() for path in python for folder, _ in _walk(path.parent, follow=False)}
        names = frozenset(map(str, files))
        self._events = FileEvents(
            self._loop,
            self._on_change,
            [
                Watched(
                    (inner for folder in folders for inner in _folders_below(folder)),
                    lambda path: not any(map(is_skipped, _below(path, folders))),
                    _folders_below,
                ),
                Watched(around - folders - sources, lambda path: path in names, None),
                Watched(sources, lambda path: path in names or path.endswith(".py"), None),
            ],
        )
        self._look_later()

    def close(self) -> None:
        """
        Follow nothing any more.
        """
        if self._events is not None:
            self._events.close()
            self._events = None
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        self._timer = self._loop.call_later(self.look_seconds, self._look)

    def _look(self) -> None:
        self._on_change()
        self._look_later()


def _folders_below(folder: Path) -> Iterator[Path]:
    """
    *folder* and those below it that say something about a version.
    """
    return (inner for inner, _ in _walk(folder, follow=True))


def _is_folder(path: Path) -> bool:
    """
    Whether there is a folder at *path*, as far as one may know.
    """
    return os.path.isdir(path)  # noqa: PTH112  `Path.is_dir` raises where it may not look


def _below(path: str, folders: set[Path]) -> tuple[str, ...]:
    """
    The names in *path* below that of *folders* in which it lies.
    """
    inside = Path(path)
    return next((inside.relative_to(folder).parts for folder in folders if inside.is_relative_to(folder)), ())
