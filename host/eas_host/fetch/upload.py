"""
Uploads files and folders to every bucket that fsspec writes to: oss://, s3:// and others.

How a file gets there, in parts or not, is the bucket's own business: an upload that fails is done anew by its user.

Buckets have no links, so in place of each link goes the file or folder to which it leads. Whoever fetches a folder must
be able to rely on it that all is there: a file that cannot be read ends the command before anything is sent.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound, UploadFailed
from eas_host.fetch import urls
from eas_host.fetch.download.object_store import ObjectStore, network_error_behind, open_store
from eas_host.fetch.download_errors import DownloadError
from eas_host.fetch.progress import ProgressDisplay, progress_display

_READ_ONLY: Final = ("http", "https")


@dataclass(frozen=True)
class Uploaded:
    """
    What has been uploaded.

    Attributes:
        url: where it is now, as a description names it.
        endpoint: the server of an OSS bucket; empty for others.
        files: how many files it has.
        size: their bytes.
    """

    url: str
    endpoint: str
    files: int
    size: int


def upload(named: Path, url: str) -> Uploaded:
    """
    Upload the file or folder *named* to *url*. If that ends with a slash, it is the folder for it.

    Raises:
        EntryNotFound: there is no such file.
        EntryInvalid: something in the folder cannot be read, or a link leads nowhere or in a circle.
        ConfigError: nothing can be uploaded there.
        UploadFailed: it did not arrive.
    """
    if not named.exists():
        raise EntryNotFound(f"{named}: no such file or folder")
    if not urls.is_url(url) or urls.scheme(url) in _READ_ONLY:
        shown = urls.without_credentials(url) if "://" in url else url
        raise ConfigError(
            f"URL: {shown}: is no bucket; expected one such as oss://bucket/models/ or s3://bucket/models/"
        )
    files = list(_files(named))
    if not files:
        raise ConfigError(f"{named}: the folder is empty")
    target = f"{url}{named.resolve().name}" if url.endswith("/") else url
    shown = urls.without_credentials(target)
    try:
        store, path = open_store(target)
        with progress_display() as display:
            for file, name in files:
                _upload_file(store, file, f"{path}/{name}" if name else path, display)
    except DownloadError as error:
        raise ConfigError(f"URL: {shown}: {error}") from error
    except Exception as error:  # each file system of fsspec has errors of its own
        if isinstance(error, OSError) and error.filename is not None and Path(str(error.filename)).exists():
            raise UploadFailed(f"{error.filename}: cannot be read: {error.strerror}") from error
        cause = network_error_behind(error)
        reason = (cause.strerror or str(cause)) if cause is not None else f"{type(error).__name__}: {error}"
        reason = urls.redact(" ".join(reason.split()), target)
        raise UploadFailed(f"{shown}: {named.name} cannot be uploaded: {reason}") from error
    endpoint = str(getattr(store, "_endpoint", "")) if urls.scheme(url) == "oss" else ""
    return Uploaded(shown, endpoint, len(files), sum(file.stat().st_size for file, _ in files))


def _files(named: Path) -> Iterator[tuple[Path, str]]:
    """
    Yield each file, and its path below the target; that of a single file is empty.
    """
    if not named.is_dir():
        yield named, ""
        return
    for path in _below(named, ()):
        yield path, path.relative_to(named).as_posix()


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """
    Yield each file in *folder* and in the folders below it. *above* are the real paths of the folders that it is in.
    """
    try:
        real = folder.resolve()
        if real in above:
            raise EntryInvalid(f"{folder}: a link to {real}, which holds the link itself; remove it")
        for path in sorted(folder.iterdir()):
            path.stat()  # which raises for a link to nothing; `is_file` would only say no
            if path.is_dir():
                yield from _below(path, (*above, real))
            elif path.is_file():
                yield path
            else:
                log.warning("%s: a socket, a named pipe or a device; left out", path)
    except OSError as error:
        raise _unreadable(Path(error.filename or folder), error) from error


def _unreadable(path: Path, error: OSError) -> EntryInvalid:
    if error.errno == errno.ELOOP:
        return EntryInvalid(f"{path}: a link that leads in a circle; remove it")
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and path.is_symlink():
        return EntryInvalid(f"{path}: a link to {path.readlink()}, which is not there; remove it")
    return EntryInvalid(f"{path}: {error.strerror}; make it readable")


def _upload_file(store: ObjectStore, file: Path, path: str, display: ProgressDisplay) -> None:
    from fsspec.callbacks import Callback  # noqa: PLC0415  see `open_store`

    sent = Callback()
    with display.track(f"uploading {file.name}", file.stat().st_size, lambda: int(sent.value)):
        store.put_file(str(file), path, callback=sent)
