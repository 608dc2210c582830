"""
Downloads files and folders from every URL that is not http(s), through fsspec: oss://, s3:// and others.

The files are listed before and after they are copied. If both lists are the same, the download has one version of each
file. A partial download is only continued if the files are still those with which it began.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

from eas_host.fetch import urls
from eas_host.fetch.cache.entry import CachedVersion, CacheEntry, PartialDownload, Validator
from eas_host.fetch.disk import check_free_space, write_all
from eas_host.fetch.download.cancel_token import CancelToken
from eas_host.fetch.download_errors import DownloadError, TransientError
from eas_host.fetch.progress import ProgressBar

_CHUNK: Final = 4 * 1024 * 1024  # each chunk costs a request
_DIGESTS: Final = ("etag", "md5hash", "md5", "sha", "crc", "version")
_TIMES: Final = ("lastmodified", "last_modified", "last-modified", "mtime", "modified", "updated", "modify", "created")
_OSS_HOST: Final = re.compile(r"^(oss://)([^./]+)\.([^/]*aliyuncs\.com)(/.*)$")
_OSS_VARIABLES: Final = {
    "key": "OSS_ACCESS_KEY_ID",
    "secret": "OSS_ACCESS_KEY_SECRET",
    "token": "OSS_SESSION_TOKEN",
    "endpoint": "OSS_ENDPOINT",
}


class ObjectStore(Protocol):
    """
    The methods of an fsspec file system that are used here.
    """

    def invalidate_cache(self) -> None:
        """
        Forget all listings, so that the next one asks the server.
        """

    def info(self, path: str) -> dict[str, Any]:
        """
        Describe a file or folder.
        """

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        """
        Describe all files in a folder, by their paths.
        """

    def open(self, path: str, mode: str, *, block_size: int) -> BinaryIO:
        """
        Open a file.
        """

    def put_file(self, lpath: str, rpath: str, *, callback: object) -> None:
        """
        Copy a file of this machine.
        """


@dataclass(frozen=True)
class StoredFile:
    """
    One file of a store.

    Attributes:
        path: its path in the store.
        name: its path in the folder that is downloaded; "" if a single file is downloaded.
        size: its size in bytes.
        validator: which version it is.
    """

    path: str
    name: str
    size: int
    validator: Validator


def open_store(url: str) -> tuple[ObjectStore, str]:
    """
    Find fsspec's file system for *url*, and the path in it.

    Raises:
        DownloadError: fsspec does not know such URLs, or the package for them is not installed.
    """
    from fsspec.core import url_to_fs  # noqa: PLC0415  takes 100 ms, and few descriptions need it

    scheme = urls.scheme(url)
    url = scheme + url[len(scheme) :]
    options: dict[str, str] = {}
    if scheme == "oss":
        url, options = _oss_url_and_options(url)
    try:
        if not scheme:
            raise ValueError("Protocol not known")
        store, path = url_to_fs(url, **options)
    except ImportError as error:
        hint = "pip install 'eas-host[oss]'" if scheme == "oss" else str(error)
        raise DownloadError(f"{scheme}:// needs a package that is not installed: {hint}") from error
    except ValueError as error:
        known = "Protocol not known" not in str(error)
        raise DownloadError(str(error) if known else f"{scheme}:// is no known kind of URL") from error
    if scheme == "oss" and not store._endpoint:  # noqa: SLF001  ossfs only logs that there is none
        raise DownloadError("oss:// needs an endpoint: set OSS_ENDPOINT, such as https://oss-cn-shanghai.aliyuncs.com")
    return cast("ObjectStore", store), path.rstrip("/") or path


def _oss_url_and_options(url: str) -> tuple[str, dict[str, str]]:
    """
    Translate Alibaba's own form of a URL, which holds the endpoint (`oss://bucket.endpoint/path`), and Alibaba's
    environment variables to what fsspec understands.
    """
    options = {name: os.environ[variable] for name, variable in _OSS_VARIABLES.items() if os.environ.get(variable)}
    if match := _OSS_HOST.match(url):
        options["endpoint"] = f"https://{match[3]}"
        url = f"oss://{match[2]}{match[4]}"
    return url, options


@dataclass(frozen=True)
class StoreDownload:
    """
    The download of a store's file or folder into its folder in the cache.
    """

    url: str
    entry: CacheEntry
    cancel: CancelToken
    bar: ProgressBar

    def attempt(self, cached: CachedVersion | None) -> Path:
        """
        Copy once. *cached* is the version that is in the cache already.

        Raises:
            DownloadError: trying again would not help.
            TransientError: it may help.
        """
        store, path = open_store(self.url)
        try:
            return self._copy(store, path, cached)
        except (DownloadError, TransientError):
            raise
        except FileNotFoundError as error:
            raise DownloadError("there is no such file or folder") from error
        except PermissionError as error:
            raise DownloadError(f"permission denied: {error}") from error
        except Exception as error:  # each file system of fsspec has errors of its own
            if isinstance(error, OSError) and error.filename is not None:
                raise  # an error of this machine's disk, where the cache is
            cause = network_error_behind(error)
            if cause is not None:
                raise TransientError(cause.strerror or str(cause), reached=False) from error
            raise TransientError(f"{type(error).__name__}: {error}") from error

    def _copy(self, store: ObjectStore, path: str, cached: CachedVersion | None) -> Path:
        files = _list_files(store, path)
        validator = _joint_validator(files)
        if cached is not None and validator and validator == cached.validator:
            return self.entry.keep(cached.path)
        total = sum(file.size for file in files)
        partial = PartialDownload(validator, total)
        if not validator or self.entry.partial() != partial:
            self.entry.begin(partial)
        check_free_space(self.entry.cache, total - self.entry.partial_size())
        done = 0
        for file in files:
            self._copy_file(store, file, partial, done)
            done += file.size
        if _list_files(store, path) != files:
            self.entry.discard()
            raise TransientError("it changed in the middle of the download")
        return self.entry.commit(validator)

    def _copy_file(self, store: ObjectStore, stored: StoredFile, partial: PartialDownload, done: int) -> None:
        target = self.entry.partial_path / stored.name if stored.name else self.entry.partial_path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        have = target.stat().st_size if target.exists() else -1
        if have == stored.size:
            return
        have = max(have, 0)
        with self.entry.append(partial, target) as file, store.open(stored.path, "rb", block_size=_CHUNK) as source:
            source.seek(have)
            while have < stored.size and (data := source.read(_CHUNK)):
                write_all(file.fileno(), data)
                have += len(data)
                self.bar.update(done + have, partial.total)
                self.cancel.check()
            os.fsync(file.fileno())
        if have != stored.size:
            if have > stored.size:
                self.entry.discard()
            raise TransientError(f"{have:,} of {stored.size:,} bytes arrived")


def _list_files(store: ObjectStore, path: str) -> list[StoredFile]:
    """
    List the file *path*, or all files in the folder *path*, each with its version.
    """
    store.invalidate_cache()
    info = store.info(path)
    if info["type"] != "directory":
        return [_stored_file(info, path, "")]
    root = str(info["name"]).strip("/")
    found = store.find(path, detail=True)
    files = [_stored_file(details, name, _name_within(name, root)) for name, details in found.items()]
    files = [file for file in files if file.name and not file.path.endswith("/")]
    if not files:
        raise DownloadError("the folder is empty, or there is none")
    return sorted(files, key=lambda file: file.name)


def _stored_file(info: Mapping[str, Any], path: str, name: str) -> StoredFile:
    if info.get("size") is None:
        raise DownloadError("its size is not known")
    return StoredFile(path, name, int(info["size"]), _validator(info))


def _name_within(path: str, root: str) -> str:
    name = path.strip("/").removeprefix(root).strip("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in name.split("/") if name):
        raise DownloadError(f"the folder holds {path!r}, which cannot be a file's name")
    return name


def _validator(info: Mapping[str, Any]) -> Validator:
    fields = {str(name).lower(): value for name, value in info.items() if value}
    for name in (*_DIGESTS, *_TIMES):
        if name in fields:
            return {name: str(fields[name]), "length": str(info["size"])}
    return {}


def _joint_validator(files: list[StoredFile]) -> Validator:
    """
    Make one validator for all *files*; it is empty if one of them has none.
    """
    if len(files) == 1 and not files[0].name:
        return files[0].validator
    if not all(file.validator for file in files):
        return {}
    return {f"{file.name}:{key}": value for file in files for key, value in file.validator.items()}


def network_error_behind(error: BaseException | None) -> OSError | None:
    """
    Find the network error that caused *error*: file systems of fsspec wrap such errors in their own.
    """
    while error is not None:
        if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)) and error.args:
            return error
        error = error.__cause__ or error.__context__
    return None
