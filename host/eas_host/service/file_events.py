"""
What the system tells of changes in folders (inotify(7)), on the event loop and with no thread of its own.

A library that starts threads for this may abort the process where the system has no room for one. Threads are used here
to walk through folders only, which may have thousands below them, and they are started when there is room: one at the
beginning, and one for all the folders that appear, since thousands may do so at once.
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


class Watched(NamedTuple):
    """
    Folders to listen to.

    Attributes:
        folders: which.
        wanted: tells whether a change of a path in them counts.
        below: lists the folders below one that appears in them, and itself; None: those are not listened to.
    """

    folders: Iterable[Path]
    wanted: Callable[[str], bool]
    below: Callable[[Path], Iterable[Path]] | None


class FileEvents:
    """
    Calls *on_change* on *loop* when something that counts has changed in what is *watched*, and when it has begun to
    listen: what changed before that is not told.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None], watched: Iterable[Watched]
    ) -> None:
        self._loop = loop
        self._on_change = on_change
        self._inotify: INotify | None = None
        self._attached = False
        self._closed = False
        self._lock = threading.Lock()  # a descriptor must not be closed, and be another's, while a thread uses it
        self._folders: dict[int, list[tuple[Path, Watched]]] = {}  # by watch descriptors, of which a folder has one
        self._appeared: deque[tuple[Path, Watched]] = deque()
        self._walking = False  # a thread goes through those that have appeared
        start_daemon_thread(loop, partial(self._begin, tuple(watched)), "eas-watch")

    def close(self) -> None:
        """
        Listen no more.
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

    def _begin(self, watched: tuple[Watched, ...]) -> None:
        try:
            with self._lock:
                if self._closed:
                    return
                self._inotify = INotify(nonblocking=True)
            for one in watched:
                self._add(one.folders, one)
        except OSError as error:  # the system has no watches left, say
            log.warning("reload: changes are seen later, for the system does not tell of them: %s", error)
        self._on_loop(self._attach)

    def _walk(self) -> None:
        while True:
            with self._lock:
                if self._closed or not self._appeared:
                    self._walking = False
                    break
                folder, watched = self._appeared.popleft()
            if watched.below is None:
                continue
            try:
                self._add(watched.below(folder), watched)
            except (OSError, MemoryError) as error:
                log.warning("reload: changes below %s are seen later: %s", folder, error)
        self._on_loop(self._on_change)

    def _add(self, folders: Iterable[Path], watched: Watched) -> None:
        for folder in folders:
            with self._lock:
                if self._closed or self._inotify is None:
                    return
                try:
                    number = self._inotify.add_watch(folder, _CHANGES)
                except (FileNotFoundError, NotADirectoryError):
                    continue  # it has gone meanwhile
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
        assert self._inotify is not None  # noqa: S101  else there is no reader
        counts = False
        for number, mask, _, name in self._inotify.read(timeout=0):
            known = self._folders.get(number)
            if mask & flags.IGNORED:  # the folder is gone
                self._folders.pop(number, None)
            elif known is None:
                counts = True  # more has happened than could be told, or in a folder that is only just added
            else:
                for folder, watched in known:
                    counts = self._take(folder, watched, mask, name) or counts
        if counts:
            self._on_change()

    def _take(self, folder: Path, watched: Watched, mask: int, name: str) -> bool:
        """
        Take one event; tell whether it counts.
        """
        path = folder / name
        counts = watched.wanted(str(path))
        if counts and watched.below is not None and mask & flags.ISDIR and mask & _APPEARED:
            with self._lock:
                self._appeared.append((path, watched))
                start, self._walking = not self._walking, True
            if start:
                start_daemon_thread(self._loop, self._walk, "eas-watch")
        return counts
