"""
A file behind an http(s) URL.

Rule: what is given out is one version of the file, whole. The part of a download is only ever continued if the server
confirms, by a strong validator (RFC 9110, section 8.8.1), that it still has that version; a length that was announced
must be met exactly, and so must a digest. Everything else starts over.

One request does all: it asks for the file unless it is the version that is kept (304), and for the rest of it only if
it is the version that a part is there of (206).
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

from eas_host.fetch.addresses import file_name
from eas_host.fetch.cache import Entry, Kept, Part, Validator
from eas_host.fetch.disk import refuse_too_large, write
from eas_host.fetch.effort import Failed, Patience, Stop, Transient
from eas_host.fetch.progress import Bar
from eas_host.fetch.web import Answer, Overlong, ask

_PIECE: Final = 256 * 1024
_RETRY: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PACKED_NAME: Final = re.compile(r"\.(gz|tgz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Download:
    """
    One URL's download into its place in the cache.
    """

    url: str
    entry: Entry
    patience: Patience
    stop: Stop
    bar: Bar

    def attempt(self, kept: Kept | None) -> Path:
        """
        Ask once, and take what comes. *kept* is the version that is there already.

        Raises:
            Failed: trying again would not help.
            Transient: it may help.
        """
        started = self._resumable()
        have = self.entry.length() if started.validator else 0
        headers = {**_unless(kept), **_rest(started, have)}
        with ask(self.url, headers, self.patience, self.stop) as answer:
            if answer.status == http.HTTPStatus.NOT_MODIFIED and kept is not None:
                return self.entry.use(kept.path)
            if answer.status == http.HTTPStatus.PARTIAL_CONTENT and have:
                if not _continues(answer, started, have):
                    self.entry.drop()
                    raise Transient("the file changed in the middle of the download")
                return self._receive(answer, started, have, started.validator)
            if answer.status != http.HTTPStatus.OK:
                raise self._no(answer)
            validator = _validator(answer)
            if kept is not None and validator and validator == kept.validator:
                return self.entry.use(kept.path)
            part = Part(_strong(answer), answer.length, answer.headers.get("Content-MD5"))
            self.entry.start(part)
            return self._receive(answer, part, 0, validator)

    def _resumable(self) -> Part:
        """
        The part that can be continued. Of one that is complete the last byte is asked for again, so that the server
        has something to confirm.
        """
        started, have = self.entry.started(), self.entry.length()
        if started.total is not None and have >= started.total > 0 and started.validator:
            os.truncate(self.entry.part, started.total - 1)
        return started

    def _receive(self, answer: Answer, part: Part, have: int, validator: Validator) -> Path:
        if answer.headers.get("Content-Encoding", "identity") != "identity" and not _PACKED_NAME.search(
            file_name(self.url)
        ):
            raise Failed(f"comes packed as {answer.headers['Content-Encoding']}, which was not asked for")
        refuse_too_large(self.entry.cache, (part.total or 0) - have)
        try:
            with self.entry.saving(part) as file:
                for data in answer.pieces(_PIECE):
                    write(file.fileno(), data)
                    have += len(data)
                    self.bar.show(have, part.total)
                    self.stop.check()
                os.fsync(file.fileno())
        except Overlong:
            self.entry.drop()
            raise
        if part.total is not None and have != part.total:
            self.entry.drop()
            raise Transient(f"{have:,} bytes came of {part.total:,}")
        if part.md5 is not None and part.md5.strip() != _md5(self.entry.part):
            self.entry.drop()
            raise Transient("what came does not have the Content-MD5 that was announced")
        return self.entry.complete({**validator, "length": str(have)} if "modified" in validator else validator)

    def _no(self, answer: Answer) -> Failed | Transient:
        text = f"{answer.status} {answer.reason}".strip()
        if answer.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self.entry.drop()
            return Transient("the file became shorter in the middle of the download")
        if answer.status in _RETRY or answer.status >= _SERVER_ERROR:
            return Transient(text, wait=_retry_after(answer))
        return Failed(text)


def _unless(kept: Kept | None) -> dict[str, str]:
    """
    The headers that ask for the file unless it is the version *kept*.
    """
    if kept is None:
        return {}
    if "etag" in kept.validator:
        return {"If-None-Match": kept.validator["etag"]}
    return {"If-Modified-Since": kept.validator["modified"]} if "modified" in kept.validator else {}


def _rest(started: Part, have: int) -> dict[str, str]:
    """
    The headers that ask for what is missing of a part of *have* bytes.
    """
    if not have:
        return {}
    validator = started.validator.get("etag") or started.validator["modified"]
    return {"Range": f"bytes={have}-", "If-Range": validator}


def _continues(answer: Answer, started: Part, have: int) -> bool:
    """
    Tell whether *answer* is the rest of the very file that was *started*.
    """
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != have:
        return False
    total = None if match[3] == "*" else int(match[3])
    if total is not None and int(match[2]) != total - 1:
        return False
    confirmed = _strong(answer)
    return started.total in {None, total} and confirmed in ({}, started.validator)


def _validator(answer: Answer) -> Validator:
    """
    What tells the version in *answer* from others, from one start of a host to the next.
    """
    if etag := answer.headers.get("ETag"):
        return {"etag": etag}
    modified = answer.headers.get("Last-Modified")
    return {"modified": modified, "length": str(answer.length)} if modified else {}


def _strong(answer: Answer) -> Validator:
    """
    What tells the version in *answer* from any other, byte by byte. A time does if it is a second old at least: a file
    can change twice in one.
    """
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    if etag is not None:
        return {} if etag.startswith("W/") else {"etag": etag}
    changed, now = _moment(modified), _moment(answer.headers.get("Date"))
    return {"modified": modified} if modified and changed is not None and now is not None and changed < now else {}


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("Retry-After", "").strip()
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
        while data := content.read(_PIECE):
            digest.update(data)
    return base64.b64encode(digest.digest()).decode()
