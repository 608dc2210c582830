"""
Where downloads are kept.

    <cache>/downloads/<hash of the URL>/lock               held while one host looks after this URL
                                        /part, part.json    what has come so far of a download, and of which version
                                        /entry.json         the newest complete version
                                        /<version>/<name>   a complete file or folder, under the URL's own name
                                        /<version>.use      held, shared, by each host that uses the version

A version appears whole: its folder is ready before `entry.json` names it. Older ones are removed then, but for those
that a living host still uses; it may want to load them once more. Locks are the kernel's (flock), so that a host that
is killed holds none.

What is here becomes code, so nobody else may have written it: folders and files are this user's (`safe_path`), and a
version's name is the SHA-256 of its content. A content is read again for that when its file is not the one, by number,
size and time, that was found right before: a copy of a cache, or a file that somebody has touched.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

from eas_host import log
from eas_host.fetch import addresses, content
from eas_host.fetch.disk import amount
from eas_host.fetch.effort import Failed
from eas_host.system import safe_path
from eas_host.system.shortage import FULL, in_cache

_held: dict[Path, int] = {}
_held_lock: Final = threading.Lock()
"""The descriptors that keep the versions which this process uses. They are closed with it."""

Validator = dict[str, str]
"""What tells one version of a file from another: `etag`, or `modified` and `length`. Empty: nothing tells."""


@dataclass(frozen=True)
class Kept:
    """
    A complete version.

    Attributes:
        path: the file or folder.
        validator: which version it is.
        fetched: when it was complete, in seconds since 1970.
    """

    path: Path
    validator: Validator
    fetched: float


@dataclass(frozen=True)
class Part:
    """
    What is known of an incomplete file.

    Attributes:
        validator: the strong one that a server must confirm before more is added.
        total: the size of the whole file, if it was said.
        md5: its digest in Base64, if it was said.
    """

    validator: Validator = field(default_factory=dict)
    total: int | None = None
    md5: str | None = None


class Entry:
    """
    The place of one URL. All but `locked` is for the holder of its lock.
    """

    def __init__(self, cache: Path, url: str) -> None:
        name = hashlib.sha256(addresses.identity(url).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self.cache = cache
        self.folder = cache / "downloads" / name
        self.part = self.folder / "part"
        self._url = url

    @contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """
        Have the place for oneself. Waits for whoever has it, and tells *waiting* so.

        Raises:
            UnsafePath: somebody else can change what is in it.
        """
        safe_path.private_folder(self.folder)
        lock = safe_path.open_private(self.folder / "lock", os.O_RDWR | os.O_CREAT)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting("another eas-host is fetching it; waiting for that one")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def kept(self) -> Kept | None:
        """
        The newest complete version, unless it is damaged.

        Raises:
            UnsafePath: somebody else can change it.
        """
        entry = _read(self.folder / "entry.json")
        try:
            version, found = str(entry["version"]), entry["found"]
            path = self.folder / version / _plain(str(entry["name"]))
            kept = Kept(path, dict(entry["validator"]), float(entry["fetched"]))
            safe_path.check_tree(self.folder / _plain(version))
            marks = content.marks(path)
            if marks != found:
                if content.digest(path) != version:
                    log.warning("%s: is not what was downloaded; it is fetched again", path)
                    return None
                _write(self.folder / "entry.json", {**entry, "found": marks})
        except (KeyError, TypeError, ValueError, OSError):
            return None
        return kept

    def started(self) -> Part:
        """
        What is known of the file that `part` is a part of.
        """
        try:
            part = Part(**_read(self.folder / "part.json"))
        except TypeError:
            return Part()
        return part if self.part.exists() else Part()

    def start(self, part: Part) -> None:
        """
        Begin a new part.
        """
        self.drop()
        _write(self.folder / "part.json", asdict(part))

    def drop(self) -> None:
        """
        Remove the part.
        """
        (self.folder / "part.json").unlink(missing_ok=True)
        _remove(self.part)

    @contextmanager
    def saving(self, part: Part, target: Path | None = None) -> Iterator[FileIO]:
        """
        Lend the file that takes the next bytes of *part*: *target*, if the part is a folder. It is not buffered: what
        has come is there, whatever happens.

        Raises:
            Failed: the disk is full.
        """
        try:
            with open(target or self.part, "ab", buffering=0, opener=_open_private) as file:
                yield file
        except OSError as error:
            if error.errno not in FULL:
                raise
            have = self.length()
            need = "more space is" if part.total is None else f"{amount(part.total - have)} more are"
            if not part.validator:
                self.drop()
            raise Failed(f"{in_cache(error, self.cache)}; {need} needed, after {amount(have)}") from error

    def length(self) -> int:
        """
        How many bytes of the part there are.
        """
        try:
            return _size(self.part)
        except OSError:
            return 0

    def complete(self, validator: Validator) -> Path:
        """
        Make the part the newest version.

        Raises:
            UnsafePath: somebody else can change it.
        """
        safe_path.check_tree(self.part)
        version = content.digest(self.part)
        path = self.folder / version / addresses.file_name(self._url)
        if path.exists() and content.digest(path) == version:  # the server tells it from what it was: the file does not
            _remove(self.part)
        else:
            _remove(path.parent)  # damaged
            path.parent.mkdir(mode=0o700)
            self.part.rename(path)
        entry = {
            "url": addresses.shown(self._url),
            "version": version,
            "name": path.name,
            "found": content.marks(path),
            "validator": validator,
            "fetched": time.time(),
        }
        _write(self.folder / "entry.json", entry)
        self.drop()
        self._remove_older(version)
        return self.use(path)

    def use(self, path: Path) -> Path:
        """
        Keep the version that *path* belongs to for as long as this process lives.
        """
        name = path.parent.with_suffix(".use")
        with _held_lock:
            if name not in _held:
                _held[name] = safe_path.open_private(name, os.O_RDWR | os.O_CREAT)
                fcntl.flock(_held[name], fcntl.LOCK_SH)
        return path

    def _remove_older(self, newest: str) -> None:
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder not in {self.part, self.folder / newest} and _unused(folder):
                _remove(folder)
                folder.with_suffix(".use").unlink(missing_ok=True)


def _unused(version: Path) -> bool:
    lock = safe_path.open_private(version.with_suffix(".use"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        with open(safe_path.open_private(file, os.O_RDONLY), encoding="utf-8") as text:  # noqa: PTH123  a descriptor
            value = json.load(text)
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(file: Path, value: dict[str, object]) -> None:
    new = file.with_suffix(".new")
    with open(new, "w", encoding="utf-8", opener=_open_private) as text:
        json.dump(value, text, indent=1)
    new.replace(file)


def _open_private(name: str, flags: int) -> int:
    return safe_path.open_private(Path(name), flags)


def _plain(name: str) -> str:
    """
    Demand that *name* is one, and leads nowhere else.
    """
    if name in {"", ".", ".."} or "/" in name:
        raise ValueError(name)
    return name
