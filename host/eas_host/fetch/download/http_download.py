"""
Downloads a file from an http(s) URL.

Rule: the result is exactly one version of the file, complete. A partial download is only continued if the server
confirms, by a strong validator (RFC 9110, section 8.8.1), that it still has that version. The length and the digest
must be those that were announced. In every other case the download starts over.

One request is enough: its headers ask for nothing if the server still has the version in the cache (304), and for the
missing bytes only if the server still has the version of the partial download (206).
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import http
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.fetch.cache.entry import CachedVersion, CacheEntry, PartialDownload, Validator
from eas_host.fetch.disk import check_free_space, write_all
from eas_host.fetch.download.cancel_token import CancelToken
from eas_host.fetch.download.http_request import BodyTooLong, HttpResponse, http_get
from eas_host.fetch.download_errors import DownloadError, TransientError
from eas_host.fetch.policy import FetchPolicy
from eas_host.fetch.progress import ProgressBar
from eas_host.fetch.urls import file_name

_CHUNK: Final = 256 * 1024
_RETRY_STATUSES: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PACKED_NAME: Final = re.compile(r"\.(gz|tgz)$", re.IGNORECASE)


@dataclass(frozen=True)
class HttpDownload:
    """
    The download of one URL into its folder in the cache.
    """

    url: str
    entry: CacheEntry
    policy: FetchPolicy
    cancel: CancelToken
    bar: ProgressBar

    def attempt(self, cached: CachedVersion | None) -> Path:
        """
        Send one request and receive its response. *cached* is the version that is in the cache already.

        Raises:
            DownloadError: trying again would not help.
            TransientError: it may help.
        """
        started = self._resumable()
        have = self.entry.partial_size() if started.validator else 0
        headers = {**_unless_unchanged(cached), **_only_the_rest(started, have)}
        with http_get(self.url, headers, self.policy, self.cancel) as response:
            if response.status == http.HTTPStatus.NOT_MODIFIED and cached is not None:
                return self.entry.keep(cached.path)
            if response.status == http.HTTPStatus.PARTIAL_CONTENT and have:
                if not _is_the_rest(response, started, have):
                    self.entry.discard()
                    raise TransientError("the file changed in the middle of the download")
                return self._receive(response, started, have, started.validator)
            if response.status != http.HTTPStatus.OK:
                raise self._error_of(response)
            validator = _validator(response)
            if cached is not None and validator and validator == cached.validator:
                return self.entry.keep(cached.path)
            partial = PartialDownload(_strong_validator(response), response.length, response.headers.get("Content-MD5"))
            self.entry.begin(partial)
            return self._receive(response, partial, 0, validator)

    def _resumable(self) -> PartialDownload:
        """
        Find the partial download that can be continued. If it is complete, its last byte is removed and requested
        again, so that the server confirms the version.
        """
        started, have = self.entry.partial(), self.entry.partial_size()
        if started.total is not None and have >= started.total > 0 and started.validator:
            os.truncate(self.entry.partial_path, started.total - 1)
        return started

    def _receive(self, response: HttpResponse, partial: PartialDownload, have: int, validator: Validator) -> Path:
        if response.headers.get("Content-Encoding", "identity") != "identity" and not _PACKED_NAME.search(
            file_name(self.url)
        ):
            raise DownloadError(f"is sent as {response.headers['Content-Encoding']}, which was not requested")
        check_free_space(self.entry.cache, (partial.total or 0) - have)
        try:
            with self.entry.append(partial) as file:
                for data in response.chunks(_CHUNK):
                    write_all(file.fileno(), data)
                    have += len(data)
                    self.bar.update(have, partial.total)
                    self.cancel.check()
                os.fsync(file.fileno())
        except BodyTooLong:
            self.entry.discard()
            raise
        if partial.total is not None and have != partial.total:
            self.entry.discard()
            raise TransientError(f"{have:,} of {partial.total:,} bytes arrived")
        if partial.md5 is not None and partial.md5.strip() != _md5(self.entry.partial_path):
            self.entry.discard()
            raise TransientError("the downloaded file does not match the announced Content-MD5")
        return self.entry.commit({**validator, "length": str(have)} if "modified" in validator else validator)

    def _error_of(self, response: HttpResponse) -> DownloadError | TransientError:
        text = f"{response.status} {response.reason}".strip()
        if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self.entry.discard()
            return TransientError("the file became shorter in the middle of the download")
        if response.status in _RETRY_STATUSES or response.status >= _SERVER_ERROR:
            return TransientError(text, wait=_retry_after(response))
        return DownloadError(text)


def _unless_unchanged(cached: CachedVersion | None) -> dict[str, str]:
    """
    Make the headers that ask for the file unless it is the version *cached*.
    """
    if cached is None:
        return {}
    if "etag" in cached.validator:
        return {"If-None-Match": cached.validator["etag"]}
    return {"If-Modified-Since": cached.validator["modified"]} if "modified" in cached.validator else {}


def _only_the_rest(started: PartialDownload, have: int) -> dict[str, str]:
    """
    Make the headers that ask for the bytes after the first *have*, if the file is still the version *started*.
    """
    if not have:
        return {}
    validator = started.validator.get("etag") or started.validator["modified"]
    return {"Range": f"bytes={have}-", "If-Range": validator}


def _is_the_rest(response: HttpResponse, started: PartialDownload, have: int) -> bool:
    """
    Tell whether *response* has the bytes after the first *have* of the version *started*.
    """
    match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != have:
        return False
    total = None if match[3] == "*" else int(match[3])
    if total is not None and int(match[2]) != total - 1:
        return False
    confirmed = _strong_validator(response)
    return started.total in {None, total} and confirmed in ({}, started.validator)


def _validator(response: HttpResponse) -> Validator:
    """
    Take the validator of the version in *response*: good enough to tell, at the next start of a host, whether the file
    has changed.
    """
    if etag := response.headers.get("ETag"):
        return {"etag": etag}
    modified = response.headers.get("Last-Modified")
    return {"modified": modified, "length": str(response.length)} if modified else {}


def _strong_validator(response: HttpResponse) -> Validator:
    """
    Take the validator that tells the version in *response* from any other, byte by byte. A modification time counts
    only if it is at least a second old, because a file can change twice within one second.
    """
    etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    if etag is not None:
        return {} if etag.startswith("W/") else {"etag": etag}
    changed, now = _moment(modified), _moment(response.headers.get("Date"))
    return {"modified": modified} if modified and changed is not None and now is not None and changed < now else {}


def _retry_after(response: HttpResponse) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, moment - time.time())


def _moment(text: str | None) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError, OverflowError):
        return None


def _md5(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        while data := content.read(_CHUNK):
            digest.update(data)
    return base64.b64encode(digest.digest()).decode()
