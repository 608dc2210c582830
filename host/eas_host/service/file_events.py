"""
Reports changes in folders as the system tells them (inotify(7)), on the event loop.

A library that starts a thread for this may abort the process if the system has no room for one. Here threads are used
only to walk through folders, which may have thousands below them, and are started when there is room: one at the
beginning, and one for all folders that appear, since thousands may do so at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from inotify_simple import INotify, flags

from eas_host import log
from eas_host.system.daemon_threads import start_daemon_thread

_CHANGES: Final = (
    flags.CREATE
    | flags.DELETE
    | flags.MODIFY
    | flags.ATTRIB
    | flags.MOVED_FROM
    | flags.MOVED_TO
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
)
_APPEARED: Final = flags.CREATE | flags.MOVED_TO


class WatchedFolders(NamedTuple):
    """
    Folders to watch.

    Attributes:
        folders: the folders.
        counts: tells whether a change of a path in them counts.
        subfolders: lists a new folder and those below it, which are then watched, too; None if they are not.
    """

    folders: Iterable[Path]
    counts: Callable[[str], bool]
    subfolders: Callable[[Path], Iterable[Path]] | None


class FileEvents:
    """
    Calls *on_change* on *loop* when something that counts has changed in the *watched* folders, and once when the
    watching has begun, since earlier changes are not reported.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None], watched: Iterable[WatchedFolders]
    ) -> None:
        self._loop = loop
        self._on_change = on_change
        self._inotify: INotify | None = None
        self._attached = False
        self._closed = False
        self._lock = threading.Lock()  # so that the descriptor is not closed, and reused, while a thread uses it
        self._folders: dict[int, list[tuple[Path, WatchedFolders]]] = {}  # by watch descriptor; a folder has one
        self._appeared: deque[tuple[Path, WatchedFolders]] = deque()
        self._walking = False  # a thread walks through the folders that have appeared
        start_daemon_thread(loop, partial(self._begin, tuple(watched)), "eas-watch")

    def close(self) -> None:
        """
        End the watching.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._attached and self._inotify is not None:
                self._loop.remove_reader(self._inotify.fileno())
            if self._inotify is not None:
                self._inotify.close()

    # -- in a thread

    def _begin(self, watched: tuple[WatchedFolders, ...]) -> None:
        try:
            with self._lock:
                if self._closed:
                    return
                self._inotify = INotify(nonblocking=True)
            for one in watched:
                self._add(one.folders, one)
        except OSError as error:  # for example, the system has no watches left
            log.warning("reload: changes are seen later, since the system does not report them: %s", error)
        self._on_loop(self._attach)

    def _walk(self) -> None:
        while True:
            with self._lock:
                if self._closed or not self._appeared:
                    self._walking = False
                    break
                folder, watched = self._appeared.popleft()
            if watched.subfolders is None:
                continue
            try:
                self._add(watched.subfolders(folder), watched)
            except (OSError, MemoryError) as error:
                log.warning("reload: changes below %s are seen later: %s", folder, error)
        self._on_loop(self._on_change)

    def _add(self, folders: Iterable[Path], watched: WatchedFolders) -> None:
        for folder in folders:
            with self._lock:
                if self._closed or self._inotify is None:
                    return
                try:
                    number = self._inotify.add_watch(folder, _CHANGES)
                except (FileNotFoundError, NotADirectoryError):
                    continue  # it has been removed meanwhile
                known = self._folders.get(number, [])
                if (folder, watched) not in known:
                    self._folders[number] = [*known, (folder, watched)]

    def _on_loop(self, call: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    # -- on the loop

    def _attach(self) -> None:
        if self._closed:
            return
        if self._inotify is not None:
            self._attached = True
            self._loop.add_reader(self._inotify.fileno(), self._read)
        self._on_change()

    def _read(self) -> None:
        assert self._inotify is not None  # noqa: S101  without it there is no reader
        counts = False
        for number, mask, _, name in self._inotify.read(timeout=0):
            known = self._folders.get(number)
            if mask & flags.IGNORED:  # the folder is gone
                self._folders.pop(number, None)
            elif known is None:
                counts = True  # events were lost, or the folder has only just been added
            else:
                for folder, watched in known:
                    counts = self._take(folder, watched, mask, name) or counts
        if counts:
            self._on_change()

    def _take(self, folder: Path, watched: WatchedFolders, mask: int, name: str) -> bool:
        """
        Handle one event, and tell whether it counts.
        """
        path = folder / name
        counts = watched.counts(str(path))
        if counts and watched.subfolders is not None and mask & flags.ISDIR and mask & _APPEARED:
            with self._lock:
                self._appeared.append((path, watched))
                start, self._walking = not self._walking, True
            if start:
                start_daemon_thread(self._loop, self._walk, "eas-watch")
        return counts
