"""
Files and folders behind every other URL, through fsspec: oss://, s3:// and what else it knows.

A store is looked at before and after its files are copied. Only if it is the same both times has a download one version
of each file; and a part is only continued if the file is still the one that it was begun with.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

from eas_host.fetch import addresses
from eas_host.fetch.cache import Entry, Kept, Part, Validator
from eas_host.fetch.disk import refuse_too_large, write
from eas_host.fetch.effort import Failed, Stop, Transient
from eas_host.fetch.progress import Bar

_PIECE: Final = 4 * 1024 * 1024  # each costs a request
_DIGESTS: Final = ("etag", "md5hash", "md5", "sha", "crc", "version")
_TIMES: Final = ("lastmodified", "last_modified", "last-modified", "mtime", "modified", "updated", "modify", "created")
_OSS_HOST: Final = re.compile(r"^(oss://)([^./]+)\.([^/]*aliyuncs\.com)(/.*)$")
_OSS_VARIABLES: Final = {
    "key": "OSS_ACCESS_KEY_ID",
    "secret": "OSS_ACCESS_KEY_SECRET",
    "token": "OSS_SESSION_TOKEN",
    "endpoint": "OSS_ENDPOINT",
}


class Store(Protocol):
    """
    What is used of an fsspec file system.
    """

    def invalidate_cache(self) -> None:
        """
        Forget what was seen.
        """

    def info(self, path: str) -> dict[str, Any]:
        """
        Look at a file or folder.
        """

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        """
        Look at all files in a folder, by their paths.
        """

    def open(self, path: str, mode: str, *, block_size: int) -> BinaryIO:
        """
        Open a file.
        """


@dataclass(frozen=True)
class Item:
    """
    One file of a store: its path there, its path in the folder ("" if there is no folder), and its version.
    """

    path: str
    name: str
    size: int
    validator: Validator


def open_store(url: str) -> tuple[Store, str]:
    """
    Find fsspec's file system for *url*, and the path in it.

    Raises:
        Failed: nobody knows such URLs, or what does is not installed.
    """
    from fsspec.core import url_to_fs  # noqa: PLC0415  100 ms, for those who need it

    scheme = addresses.scheme(url)
    url = scheme + url[len(scheme) :]
    options: dict[str, str] = {}
    if scheme == "oss":
        url, options = _oss(url)
    try:
        if not scheme:
            raise ValueError("Protocol not known")
        store, path = url_to_fs(url, **options)
    except ImportError as error:
        hint = "pip install 'eas-host[oss]'" if scheme == "oss" else str(error)
        raise Failed(f"{scheme}:// needs a package that is not installed: {hint}") from error
    except ValueError as error:
        known = "Protocol not known" not in str(error)
        raise Failed(str(error) if known else f"{scheme}:// is no known kind of URL") from error
    if scheme == "oss" and not store._endpoint:  # noqa: SLF001  it says so in its log only
        raise Failed("oss:// needs an endpoint: set OSS_ENDPOINT, such as https://oss-cn-shanghai.aliyuncs.com")
    return cast("Store", store), path.rstrip("/") or path


def _oss(url: str) -> tuple[str, dict[str, str]]:
    """
    Alibaba's own variables, and its form of a URL that has the endpoint in it: `oss://bucket.endpoint/path`.
    """
    options = {name: os.environ[variable] for name, variable in _OSS_VARIABLES.items() if os.environ.get(variable)}
    if match := _OSS_HOST.match(url):
        options["endpoint"] = f"https://{match[3]}"
        url = f"oss://{match[2]}{match[4]}"
    return url, options


@dataclass(frozen=True)
class Copy:
    """
    The copy of a store's file or folder into its place in the cache.
    """

    url: str
    entry: Entry
    stop: Stop
    bar: Bar

    def attempt(self, kept: Kept | None) -> Path:
        """
        Copy once. *kept* is the version that is there already.

        Raises:
            Failed: trying again would not help.
            Transient: it may help.
        """
        store, path = open_store(self.url)
        try:
            return self._copy(store, path, kept)
        except (Failed, Transient):
            raise
        except FileNotFoundError as error:
            raise Failed("there is no such file or folder") from error
        except PermissionError as error:
            raise Failed(f"permission denied: {error}") from error
        except Exception as error:  # each file system has errors of its own
            if isinstance(error, OSError) and error.filename is not None:
                raise  # ours: the cache's disk
            cause = _network(error)
            if cause is not None:
                raise Transient(cause.strerror or str(cause), reached=False) from error
            raise Transient(f"{type(error).__name__}: {error}") from error

    def _copy(self, store: Store, path: str, kept: Kept | None) -> Path:
        items = _look(store, path)
        validator = _together(items)
        if kept is not None and validator and validator == kept.validator:
            return self.entry.use(kept.path)
        total = sum(item.size for item in items)
        part = Part(validator, total)
        if not validator or self.entry.started() != part:
            self.entry.start(part)
        refuse_too_large(self.entry.cache, total - self.entry.length())
        done = 0
        for item in items:
            self._copy_file(store, item, part, done)
            done += item.size
        if _look(store, path) != items:
            self.entry.drop()
            raise Transient("it changed in the middle of the download")
        return self.entry.complete(validator)

    def _copy_file(self, store: Store, item: Item, part: Part, done: int) -> None:
        target = self.entry.part / item.name if item.name else self.entry.part
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        have = target.stat().st_size if target.exists() else -1
        if have == item.size:
            return
        have = max(have, 0)
        with self.entry.saving(part, target) as file, store.open(item.path, "rb", block_size=_PIECE) as source:
            source.seek(have)
            while have < item.size and (data := source.read(_PIECE)):
                write(file.fileno(), data)
                have += len(data)
                self.bar.show(done + have, part.total)
                self.stop.check()
            os.fsync(file.fileno())
        if have != item.size:
            if have > item.size:
                self.entry.drop()
            raise Transient(f"{have:,} bytes came of {item.size:,}")


def _look(store: Store, path: str) -> list[Item]:
    """
    List the files that *path* means, each with its version.
    """
    store.invalidate_cache()
    info = store.info(path)
    if info["type"] != "directory":
        return [_item(info, path, "")]
    root = str(info["name"]).strip("/")
    found = store.find(path, detail=True)
    items = [_item(details, name, _name_within(name, root)) for name, details in found.items()]
    items = [item for item in items if item.name and not item.path.endswith("/")]
    if not items:
        raise Failed("the folder is empty, or there is none")
    return sorted(items, key=lambda item: item.name)


def _item(info: Mapping[str, Any], path: str, name: str) -> Item:
    if info.get("size") is None:
        raise Failed("its size is not known")
    return Item(path, name, int(info["size"]), _validator(info))


def _name_within(path: str, root: str) -> str:
    name = path.strip("/").removeprefix(root).strip("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in name.split("/") if name):
        raise Failed(f"the folder holds {path!r}, which cannot be a file's name")
    return name


def _validator(info: Mapping[str, Any]) -> Validator:
    fields = {str(name).lower(): value for name, value in info.items() if value}
    for name in (*_DIGESTS, *_TIMES):
        if name in fields:
            return {name: str(fields[name]), "length": str(info["size"])}
    return {}


def _together(items: list[Item]) -> Validator:
    """
    One validator for all *items*; nothing, if one of them has none.
    """
    if len(items) == 1 and not items[0].name:
        return items[0].validator
    if not all(item.validator for item in items):
        return {}
    return {f"{item.name}:{key}": value for item in items for key, value in item.validator.items()}


def _network(error: BaseException | None) -> OSError | None:
    """
    Find the connection that was not there behind *error*: file systems wrap such errors in their own.
    """
    while error is not None:
        if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)) and error.args:
            return error
        error = error.__cause__ or error.__context__
    return None
