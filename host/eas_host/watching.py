"""
Whether files change: told by the system, judged by what the files are.

The system's word (inotify, through watchfiles) says when to look. What to make of it is decided by a `Fingerprint`:
names, sizes, times and inodes of all that is watched. A file is watched through its folder, since editors and
compilers replace files rather than write into them.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from eas_host import log

Fingerprint = dict[str, tuple[int, ...]]
"""
Of each file its size, when its content and when anything about it has changed last, in nanoseconds, and its inode. The
second of the times cannot be set: unpacking and `cp -p` set the first one.
"""

PYTHON_FILES: Final = "*.py"
"""A path with this name stands for all Python files in its folder and below, those to come included."""
_SKIPPED: Final = frozenset({"ENV", "__pycache__", "node_modules"})
"""Folders that say nothing about a version: an environment is large, and the others are made by what runs."""
_STEP_MS: Final = 20
_DEBOUNCE_MS: Final = 100
"""How watchfiles gathers events; whether files still change is judged by who asks for the fingerprint."""
_LISTEN_MS: Final = 100
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


class Watch:
    """
    Calls *on_change*, on *loop*, whenever something has changed in what it follows, and after each silence.

    Attributes:
        look_seconds: how long such a silence is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None]) -> None:
        self.look_seconds = LOOK_SECONDS
        self._loop = loop
        self._on_change = on_change
        self._stop = threading.Event()

    def follow(self, paths: Sequence[Path]) -> None:
        """
        Follow *paths* from here on, in place of what was followed. Also the same ones again: a folder that was removed
        and made again is another one for the system.
        """
        self.close()
        self._stop = threading.Event()
        python = [path for path in paths if path.name == PYTHON_FILES]
        real = [path.resolve() for path in paths if path not in python]
        folders = {path for path in real if _is_folder(path)}
        files = {path for path in real if path not in folders}
        around = {path.parent for path in files if _is_folder(path.parent)}
        sources = {folder.resolve() for path in python for folder, _ in _walk(path.parent, follow=False)}
        names = frozenset(map(str, files))
        self._start(folders, recursive=True, wanted=lambda path: not any(map(is_skipped, _below(path, folders))))
        self._start(around - folders - sources, recursive=False, wanted=lambda path: path in names)
        self._start(sources, recursive=False, wanted=lambda path: path in names or path.endswith(".py"))

    def close(self) -> None:
        """
        Follow nothing any more.
        """
        self._stop.set()

    def _start(self, folders: set[Path], *, recursive: bool, wanted: Callable[[str], bool]) -> None:
        if folders:
            arguments = (sorted(folders), recursive, wanted, self._stop)
            threading.Thread(target=self._run, args=arguments, name="eas-watch", daemon=True).start()

    def _run(
        self, folders: Sequence[Path], recursive: bool, wanted: Callable[[str], bool], stop: threading.Event
    ) -> None:
        try:
            self._listen(folders, recursive, wanted, stop)
        except (OSError, RuntimeError) as error:  # the system has no watches left, say; watchfiles' own is the latter
            if not stop.is_set():
                log.warning("reload: changes are seen later, for the system does not tell of them: %s", error)
            while not stop.wait(self.look_seconds):
                self._tell(stop)

    def _listen(
        self, folders: Sequence[Path], recursive: bool, wanted: Callable[[str], bool], stop: threading.Event
    ) -> None:
        from watchfiles import watch  # noqa: PLC0415  only --reload needs it

        told = -math.inf
        for changes in watch(
            *folders,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=stop,
            recursive=recursive,
            raise_interrupt=False,
            rust_timeout=_LISTEN_MS,
            yield_on_timeout=True,
        ):
            # The first turn says that the system listens by now: what changed before has to be looked for.
            now = time.monotonic()
            if now - told >= self.look_seconds or any(wanted(path) for _, path in changes):
                self._tell(stop)
                told = now

    def _tell(self, stop: threading.Event) -> None:
        if not stop.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_change)


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
