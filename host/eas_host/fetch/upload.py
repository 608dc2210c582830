"""
Uploads files and folders to every bucket that fsspec writes to: oss://, s3:// and others.

How a file gets there, in parts or not, is the bucket's own business: an upload that fails is done anew by its user.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError, EntryNotFound, UploadFailed
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
    for path in sorted(named.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(named).as_posix()


def _upload_file(store: ObjectStore, file: Path, path: str, display: ProgressDisplay) -> None:
    from fsspec.callbacks import Callback  # noqa: PLC0415  see `open_store`

    sent = Callback()
    with display.track(f"uploading {file.name}", file.stat().st_size, lambda: int(sent.value)):
        store.put_file(str(file), path, callback=sent)
