"""
Whether files change: told by the system, judged by what the files are.

The system's word (inotify, through watchfiles) says when to look. What to make of it is decided by a `Fingerprint`:
names, sizes, times and inodes of all that is watched. A file is watched through its folder, since editors and
compilers replace files rather than write into them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from eas_host import log

Fingerprint = dict[str, tuple[int, int, int]]
"""Of each file its size, the time of its last change in nanoseconds, and its inode."""

_SKIPPED: Final = frozenset({"ENV", "__pycache__", "node_modules"})
"""Folders that say nothing about a version: an environment is large, and the others are made by what runs."""
_STEP_MS: Final = 20
_DEBOUNCE_MS: Final = 100
"""How watchfiles gathers events; whether files still change is judged by who asks for the fingerprint."""
_LISTEN_MS: Final = 100
_LOOK_EVERY: Final = 10
"""After so many silences of so long somebody looks all the same: not all file systems tell of all changes."""


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
            found[str(file)] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def files_below(path: Path) -> Iterator[Path]:
    """
    Yield *path* itself if it is no folder, else the files below it that say something about a version.
    """
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not is_skipped(name)]
        yield from (Path(folder, name) for name in names if not is_skipped(name))


def is_skipped(name: str) -> bool:
    """
    Whether a file or folder *name* inside a folder that is watched says nothing about a version.
    """
    return name in _SKIPPED or name.startswith(".")


class Watch:
    """
    Calls *on_change*, on *loop*, whenever something has changed in what it follows.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None]) -> None:
        self._loop = loop
        self._on_change = on_change
        self._stop = threading.Event()
        self._paths: tuple[Path, ...] = ()

    def follow(self, paths: Sequence[Path]) -> None:
        """
        Follow *paths* from here on, in place of what was followed.
        """
        if tuple(paths) == self._paths:
            return
        self.close()
        self._paths = tuple(paths)
        self._stop = threading.Event()
        real = [path.resolve() for path in paths]
        folders = {path for path in real if path.is_dir()}
        files = {path for path in real if path not in folders}
        around = {path.parent for path in files if path.parent.is_dir()} - folders
        names = frozenset(map(str, files))
        self._start(folders, recursive=True, wanted=lambda path: not any(map(is_skipped, _below(path, folders))))
        self._start(around, recursive=False, wanted=lambda path: path in names)

    def close(self) -> None:
        """
        Follow nothing any more.
        """
        self._paths = ()
        self._stop.set()

    def _start(self, folders: set[Path], *, recursive: bool, wanted: Callable[[str], bool]) -> None:
        if folders:
            arguments = (sorted(folders), recursive, wanted, self._stop)
            threading.Thread(target=self._run, args=arguments, name="eas-watch", daemon=True).start()

    def _run(
        self, folders: Sequence[Path], recursive: bool, wanted: Callable[[str], bool], stop: threading.Event
    ) -> None:
        from watchfiles import watch  # noqa: PLC0415  only --reload needs it

        try:
            silent = 0
            for changes in watch(
                *folders,
                watch_filter=lambda _change, path: wanted(path),
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=stop,
                recursive=recursive,
                raise_interrupt=False,
                rust_timeout=_LISTEN_MS,
                yield_on_timeout=True,
            ):
                # The first silence says that the system listens by now: what changed before has to be looked for.
                if changes or silent % _LOOK_EVERY == 0:
                    self._tell(stop)
                silent = 0 if changes else silent + 1
        except OSError as error:  # the system has no watches left, say
            log.error("reload: changes are not seen any more: %s", error)

    def _tell(self, stop: threading.Event) -> None:
        if not stop.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_change)


def _below(path: str, folders: set[Path]) -> tuple[str, ...]:
    """
    The names in *path* below that of *folders* in which it lies.
    """
    inside = Path(path)
    return next((inside.relative_to(folder).parts for folder in folders if inside.is_relative_to(folder)), ())
