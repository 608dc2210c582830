"""
The folder of one URL in the cache.

    <cache>/downloads/<hash of the URL>/lock               locked by the host that downloads this URL
                                        /part, part.json    a partial download, and the version that it is a part of
                                        /entry.json         which version is the newest complete one
                                        /<version>/<name>   a complete file or folder, under the URL's own name
                                        /<version>.use      locked, shared, by each host that uses the version

A version appears whole: its folder is ready before `entry.json` names it. Then older versions are removed, except those
that a running host still uses, because it may load them again. The locks are the kernel's (flock), so a host that is
killed leaves none behind.

These files are run as code, so nobody else may have written them: folders and files belong to this user (`safe_path`),
and the name of a version is the SHA-256 of its content. The content is hashed again only if a file has changed its
number in the file system, its size or its time since the last check: in a copy of a cache, or when somebody has
touched a file.
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
from eas_host.fetch import urls
from eas_host.fetch.cache import content_digest
from eas_host.fetch.download_errors import DownloadError
from eas_host.system import safe_path
from eas_host.system.disk_errors import FULL, describe_cache_error
from eas_host.system.sizes import format_size

_used: dict[Path, int] = {}
"""The descriptors that lock the versions which this process uses. They are closed when the process ends."""
_used_lock: Final = threading.Lock()

Validator = dict[str, str]
"""What tells one version of a file from another: `etag`, or `modified` and `length`. Empty if nothing does."""


@dataclass(frozen=True)
class CachedVersion:
    """
    A complete version.

    Attributes:
        path: the file or folder.
        validator: which version it is.
        fetched: when the download was complete, in seconds since 1970.
    """

    path: Path
    validator: Validator
    fetched: float


@dataclass(frozen=True)
class PartialDownload:
    """
    What is known about a file that is not complete yet.

    Attributes:
        validator: the strong validator that a server must confirm before more bytes are added.
        total: the size of the whole file, if it was announced.
        md5: its digest in Base64, if it was announced.
    """

    validator: Validator = field(default_factory=dict)
    total: int | None = None
    md5: str | None = None


class CacheEntry:
    """
    The folder of one URL. Only the holder of its lock may call other methods than `locked`.
    """

    def __init__(self, cache: Path, url: str) -> None:
        name = hashlib.sha256(urls.cache_key(url).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self.cache = cache
        self.folder = cache / "downloads" / name
        self.partial_path = self.folder / "part"
        self._url = url

    @contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """
        Lock the folder. If another host holds the lock, say so through *waiting* and wait.

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

    def cached_version(self) -> CachedVersion | None:
        """
        Find the newest complete version; None if there is none or it is damaged.

        Raises:
            UnsafePath: somebody else can change it.
        """
        entry = _read(self.folder / "entry.json")
        try:
            version, found = str(entry["version"]), entry["found"]
            path = self.folder / version / _check_name(str(entry["name"]))
            cached = CachedVersion(path, dict(entry["validator"]), float(entry["fetched"]))
            safe_path.check_tree(self.folder / _check_name(version))
            stats = content_digest.file_stats(path)
            if stats != found:
                if content_digest.digest(path) != version:
                    log.warning("%s: the file has changed since it was downloaded; it is fetched again", path)
                    return None
                _write(self.folder / "entry.json", {**entry, "found": stats})
        except (KeyError, TypeError, ValueError, OSError):
            return None
        return cached

    def partial(self) -> PartialDownload:
        """
        Tell what is known about the partial download. If there is none, every attribute is empty.
        """
        try:
            partial = PartialDownload(**_read(self.folder / "part.json"))
        except TypeError:
            return PartialDownload()
        return partial if self.partial_path.exists() else PartialDownload()

    def begin(self, partial: PartialDownload) -> None:
        """
        Begin a new partial download.
        """
        self.discard()
        _write(self.folder / "part.json", asdict(partial))

    def discard(self) -> None:
        """
        Remove the partial download.
        """
        (self.folder / "part.json").unlink(missing_ok=True)
        _remove(self.partial_path)

    @contextmanager
    def append(self, partial: PartialDownload, target: Path | None = None) -> Iterator[FileIO]:
        """
        Lend the file that takes the next bytes of *partial*: *target*, if the download is a folder. The file is not
        buffered, so whatever happens, the bytes that were received are in it.

        Raises:
            DownloadError: the disk is full.
        """
        try:
            with open(target or self.partial_path, "ab", buffering=0, opener=_open_private) as file:
                yield file
        except OSError as error:
            if error.errno not in FULL:
                raise
            have = self.partial_size()
            need = "more space is" if partial.total is None else f"{format_size(partial.total - have)} more are"
            if not partial.validator:
                self.discard()
            raise DownloadError(
                f"{describe_cache_error(error, self.cache)}; {need} needed, {format_size(have)} are there"
            ) from error

    def partial_size(self) -> int:
        """
        Count the bytes of the partial download.
        """
        try:
            return _size(self.partial_path)
        except OSError:
            return 0

    def commit(self, validator: Validator) -> Path:
        """
        Make the partial download, which is complete now, the newest version.

        Raises:
            UnsafePath: somebody else can change it.
        """
        safe_path.check_tree(self.partial_path)
        version = content_digest.digest(self.partial_path)
        path = self.folder / version / urls.file_name(self._url)
        if path.exists() and content_digest.digest(path) == version:  # a new validator, but the same content
            _remove(self.partial_path)
        else:
            _remove(path.parent)  # a damaged version of the same name
            path.parent.mkdir(mode=0o700)
            self.partial_path.rename(path)
        entry = {
            "url": urls.without_credentials(self._url),
            "version": version,
            "name": path.name,
            "found": content_digest.file_stats(path),
            "validator": validator,
            "fetched": time.time(),
        }
        _write(self.folder / "entry.json", entry)
        self.discard()
        self._remove_older(version)
        return self.keep(path)

    def keep(self, path: Path) -> Path:
        """
        Keep the version that *path* belongs to from being removed for as long as this process lives.
        """
        name = path.parent.with_suffix(".use")
        with _used_lock:
            if name not in _used:
                _used[name] = safe_path.open_private(name, os.O_RDWR | os.O_CREAT)
                fcntl.flock(_used[name], fcntl.LOCK_SH)
        return path

    def _remove_older(self, newest: str) -> None:
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder not in {self.partial_path, self.folder / newest} and _unused(folder):
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


def _check_name(name: str) -> str:
    """
    Check that *name* is the name of a file, and no path that leads elsewhere.
    """
    if name in {"", ".", ".."} or "/" in name:
        raise ValueError(name)
    return name
