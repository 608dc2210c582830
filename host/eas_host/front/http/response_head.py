"""
The heads of HTTP/1.1 responses.

Strategy: all of a head but the length is the same for all answers of one status in one second, so it is made once a
second and looked up. So are whole heads, since outputs of the same length are common.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, Protocol

from eas_host import answers
from eas_host.dispatch.responses import TEXT
from eas_host.front.http_date import http_date
from eas_host.reply import BODILESS, QUEUE_FULL

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {QUEUE_FULL: "Queue Full"}
CONTINUE: Final = f"HTTP/1.1 {answers.CONTINUE.status} {_REASONS[answers.CONTINUE.status]}\r\n\r\n".encode()
_MAX_KNOWN: Final = 4096
"""Heads kept for a second."""

_CORS: Final = "access-control-"
_CONTENT_TYPE: Final = b"\r\nContent-Type: "

_UNBUFFERED: Final = "X-Accel-Buffering: no\r\n"
_CHUNKED: Final = b"\r\nTransfer-Encoding: chunked"

_END_KEEP: Final = b"\r\n\r\n"
_END_CLOSE: Final = b"\r\nConnection: close\r\n\r\n"
_END_KEEP_10: Final = b"\r\nConnection: keep-alive\r\n\r\n"


class HeadStore(Protocol):
    """
    Whoever answers requests by itself, with heads from here.
    """

    def set_head(self, status: int, head: bytes) -> None:
        """
        Begin answers of *status* with *head*, as far as the length.
        """

    def forget_heads(self) -> None:
        """
        Forget all heads.
        """


class ResponseHeadCache:
    """
    Makes the heads of the processor's answers, of the type *content_type* and with *fixed* header lines. `renew` must
    be called once a second. *store* gets what they begin with, for answers that have a body.

    Attributes:
        content_type: the type of the processor's answers.
        known: the usual heads made in this second, by status and length, for answers that have a body.
    """

    def __init__(self, content_type: str, fixed: str = "", store: HeadStore | None = None) -> None:
        self._store = store
        self.content_type = content_type
        self._default_type = content_type
        self._fixed = self._extra = fixed
        self._extra_without_cors = ""
        self._starts: dict[int, bytes] = {}
        self.known: dict[tuple[int, int], bytes] = {}

    def set_default_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """
        Send *headers*, pairs of a name and a value fit for HTTP, with each answer from now on. A Content-Type among
        them takes the place of the usual one.
        """
        self.content_type = self._default_type
        self._extra = self._fixed
        self._extra_without_cors = ""
        for name, value in headers:
            line = f"{name}: {value}\r\n"
            if name.lower() == "content-type":
                self.content_type = value
            elif name.lower().startswith(_CORS):
                self._extra += line
            else:
                self._extra += line
                self._extra_without_cors += line
        self.renew()

    def renew(self) -> None:
        """
        Forget the heads made so far: their Date is old.
        """
        self._starts.clear()
        self.known.clear()
        if self._store is not None:
            self._store.forget_heads()

    def usual(self, status: int, length: int) -> bytes:
        """
        Make the head of an answer with *status* and a body of *length* bytes, after which an HTTP/1.1 connection stays
        open. Look it up in `known` first.
        """
        head = self._make(status, length, _END_KEEP)
        if len(self.known) < _MAX_KNOWN and status not in BODILESS:
            self.known[status, length] = head
        return head

    def special(
        self, status: int, length: int, *, keep_alive: bool, http_10: bool, cors: str = "", why: str = ""
    ) -> bytes:
        """
        Make a head that says what becomes of the connection, or that has the header lines *why* or *cors*. The latter
        take the place of CORS lines among the default headers: a browser refuses a header that is there twice.
        """
        end = _end(keep_alive=keep_alive, http_10=http_10)
        if not (cors or why):
            return self._make(status, length, end)
        usual = self._extra_without_cors + cors if cors else self._extra
        start = _start(status, self.content_type, usual + why)
        return _joined(start, status, length, end)

    def in_parts(self, status: int, *, keep_alive: bool, http_10: bool, cors: str = "", why: str = "") -> bytes:
        """
        Make the head of an answer whose length is not known yet. HTTP/1.0 has no chunks: there the end of the
        connection ends it. The line for nginx has it pass each part on at once.
        """
        usual = self._extra_without_cors + cors if cors else self._extra
        start = _start(status, self.content_type, usual + why + _UNBUFFERED)
        end = _end(keep_alive=keep_alive, http_10=http_10)
        if status in BODILESS:
            return _without_body(start) + end
        before = start[: start.rindex(b"\r\n")]
        return before + end if http_10 else before + _CHUNKED + end

    def _make(self, status: int, length: int, end: bytes) -> bytes:
        """
        Make a head of a response of the processor that ends in *end*.
        """
        start = self._starts.get(status)
        if start is None:
            start = self._starts[status] = _start(status, self.content_type, self._extra)
            if self._store is not None and status not in BODILESS:
                self._store.set_head(status, start)
        return _joined(start, status, length, end)


def own_head(
    status: int, length: int | None, *, keep_alive: bool, http_10: bool, content_type: str = TEXT, extra: str = ""
) -> bytes:
    """
    Make the head of an answer of the host itself, with *extra* header lines, each ending in CRLF. Without a *length*
    the end of the connection ends its body (RFC 9112, section 6.3).
    """
    end = _end(keep_alive=keep_alive, http_10=http_10)
    start = _start(status, content_type, extra)
    return start[: start.rindex(b"\r\n")] + end if length is None else _joined(start, status, length, end)


def _end(*, keep_alive: bool, http_10: bool) -> bytes:
    return _END_CLOSE if not keep_alive else _END_KEEP_10 if http_10 else _END_KEEP


def _joined(start: bytes, status: int, length: int, end: bytes) -> bytes:
    return _without_body(start) + end if status in BODILESS else b"%b%d%b" % (start, length, end)


def _start(status: int, content_type: str, extra: str = "") -> bytes:
    """
    Make all of a head before the value of Content-Length. nosniff: a browser must not run what a client sent.
    """
    return (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\n"
        f"Date: {http_date()}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"X-Content-Type-Options: nosniff\r\n"
        f"{extra}"
        f"Content-Length: "
    ).encode("latin-1")


def _without_body(start: bytes) -> bytes:
    """
    Cut the headers that describe a body: 204 and 304 have none (RFC 9110, section 8.6).
    """
    before, _, rest = start.partition(_CONTENT_TYPE)
    return before + rest[rest.index(b"\r\n") : rest.rindex(b"\r\n")]
