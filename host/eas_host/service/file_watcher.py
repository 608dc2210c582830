"""
Reports that files may have changed, and takes fingerprints that tell whether they have.

The system's events (`file_events`) only say when to look. A `Fingerprint` has the names, sizes, times and inodes of all
files that are watched, and decides. A file is watched through its folder, since editors and compilers replace files
instead of writing into them.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eas_host.deploy.deployment import INSTALLED, LIBRARIES, PYTHON_FILES

if TYPE_CHECKING:
    from eas_host.service.file_events import FileEvents

Fingerprint = dict[str, tuple[int, ...]]
"""
The size, the modification time, the change time and the inode of each file. Times are in nanoseconds. The change time
cannot be set, while unpacking and `cp -p` set the modification time.
"""

_SKIPPED: Final = frozenset({"ENV", "__pycache__", "node_modules"})
"""Folders that are ignored: an environment is large, and running programs write to the others."""
_OF_EDITORS: Final = re.compile(r"~$|^#.*#$|\.sw[opx]$|^4913$")
"""Backups, swap files and trial files of editors; those of vim and emacs, which mostly begin with a dot."""
_METADATA: Final = frozenset({".dist-info", ".egg-info"})
POLL_INTERVAL: Final = 1.0
"""In seconds: how often files are checked without an event, since some file systems do not report all changes."""


def fingerprint(paths: Sequence[Path]) -> Fingerprint:
    """
    Take the fingerprint of the files *paths*, and of all files below those that are folders. It has no entry for a
    missing file.
    """
    found: Fingerprint = {}
    for path in paths:
        if path.name == INSTALLED:
            found.update(_installed(path.parent))
            continue
        for file in files_below(path):
            try:
                status = file.stat()
            except OSError:
                continue  # it is being replaced; the next fingerprint has it
            found[str(file)] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return found


def _installed(environment: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """
    Yield what the fingerprint has of a Python *environment*: its Python, and what lies in its `site-packages`, without
    what is below that. Of a package's folder only the inode counts, since Python writes into it: a package of another
    version has another `.dist-info`.
    """
    entries = (entry for site in _site_packages(environment) for entry in _entries(site))
    for path in (environment / "pyvenv.cfg", environment / "bin" / "python", *entries):
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and path.suffix not in _METADATA:
            yield str(path), (0, 0, 0, status.st_ino)
        else:
            yield str(path), (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _site_packages(environment: Path) -> list[Path]:
    return sorted(environment.glob("lib/python3.*/site-packages"))


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if not is_skipped(name)]  # noqa: PTH208  as `os.walk` below
    except OSError:
        return []  # it is being replaced


def unchanged_since(moment: int, files: Fingerprint) -> Fingerprint:
    """
    Return those of *files* that have not changed since *moment*, a time in nanoseconds.
    """
    return {name: status for name, status in files.items() if status[2] < moment}


def files_below(path: Path) -> Iterator[Path]:
    """
    Yield *path* itself if it is no folder, else the files below it, without ignored ones. Links to folders are
    followed, since a model's newest version may be one, except if only Python files count.
    """
    if path.name == PYTHON_FILES:
        for _, files in _walk(path.parent, follow=False):
            yield from (file for file in files if file.suffix == ".py")
    elif path.name == LIBRARIES:
        yield from (file for file in _entries(path.parent) if _is_library(file.name))
    elif _is_folder(path):
        for _, files in _walk(path, follow=True):
            yield from files
    else:
        yield path


def _walk(path: Path, *, follow: bool) -> Iterator[tuple[Path, list[Path]]]:
    """
    Yield each folder below *path* with its files. A folder that several links lead to is yielded once.
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
    Tell whether a file or folder *name* inside a watched folder is ignored.
    """
    return name in _SKIPPED or name.startswith(".") or _OF_EDITORS.search(name) is not None


def _is_library(name: str) -> bool:
    return ".so" in name and not is_skipped(name)


class FileWatcher:
    """
    Calls *on_change*, on *loop*, whenever something has changed in the files that it watches, and at regular intervals.

    Attributes:
        poll_interval: the longest time between two calls, in seconds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None]) -> None:
        self.poll_interval = POLL_INTERVAL
        self._loop = loop
        self._on_change = on_change
        self._events: FileEvents | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, paths: Sequence[Path]) -> None:
        """
        Watch *paths* from here on, instead of those before. It makes sense to call this again with the same paths: to
        the system, a folder that was removed and made again is another one.
        """
        from eas_host.service.file_events import FileEvents, WatchedFolders  # noqa: PLC0415  only --reload needs it

        self.close()
        python = [path for path in paths if path.name == PYTHON_FILES]
        sites = {site.resolve() for path in paths if path.name == INSTALLED for site in _site_packages(path.parent)}
        libraries = {path.parent.resolve() for path in paths if path.name == LIBRARIES}
        real = [path.resolve() for path in paths if path.name not in (PYTHON_FILES, LIBRARIES, INSTALLED)]
        folders = {path for path in real if _is_folder(path)}
        files = {path for path in real if path not in folders}
        around = {path.parent for path in files if _is_folder(path.parent)}
        sources = {folder.resolve() for path in python for folder, _ in _walk(path.parent, follow=False)}
        names = frozenset(map(str, files))
        self._events = FileEvents(
            self._loop,
            self._on_change,
            [
                WatchedFolders(
                    (inner for folder in folders for inner in _folders_below(folder)),
                    lambda path: not any(map(is_skipped, _below(path, folders))),
                    _folders_below,
                ),
                WatchedFolders(around - folders - sources - libraries, lambda path: path in names, None),
                WatchedFolders(libraries, lambda path: path in names or _is_library(Path(path).name), None),
                WatchedFolders(sources, lambda path: path in names or path.endswith(".py"), None),
                WatchedFolders(sites, lambda path: not is_skipped(Path(path).name), None),
            ],
        )
        self._poll_later()

    def close(self) -> None:
        """
        End the watching.
        """
        if self._events is not None:
            self._events.close()
            self._events = None
        if self._timer is not None:
            self._timer.cancel()

    def _poll_later(self) -> None:
        self._timer = self._loop.call_later(self.poll_interval, self._poll)

    def _poll(self) -> None:
        self._on_change()
        self._poll_later()


def _folders_below(folder: Path) -> Iterator[Path]:
    """
    Yield *folder* and those below it, without ignored ones.
    """
    return (inner for inner, _ in _walk(folder, follow=True))


def _is_folder(path: Path) -> bool:
    """
    Tell whether there is a folder at *path* that this user can see.
    """
    return os.path.isdir(path)  # noqa: PTH112  `Path.is_dir` raises without permission


def _below(path: str, folders: set[Path]) -> tuple[str, ...]:
    """
    Return the names in *path* below that one of *folders* in which it lies.
    """
    inside = Path(path)
    return next((inside.relative_to(folder).parts for folder in folders if inside.is_relative_to(folder)), ())
