"""
One connection to the service, with one request at a time.

It speaks to the transport directly and has answers parsed by httptools, for each microsecond here is one that the
service does not get: both share the machine.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final, NamedTuple, Protocol

import httptools

from eas_host.reply import BAD_REQUEST

_SHOWN: Final = 500
"""Bytes of an error's body that are kept."""
_TIMING: Final = re.compile(rb"queue;dur=([\d.]+), *call;dur=([\d.]+)")
"""What a host with --explain says in `Server-Timing`, in milliseconds (`dispatch/explaining_dispatcher.py`)."""
_BATCH: Final = re.compile(rb"[1-9]\d{0,5}")
"""What it says in `X-Processor-Batch`, where there are batches."""


class ServiceAnswer(NamedTuple):
    """
    The answer to a request.

    Attributes:
        status: its status.
        seconds: the time since the request was due, up to the last byte of the answer.
        first: the same up to the first byte of the body, if the answer came in parts.
        timing: the seconds in the queue and in the call, if the host said so.
        batch: how many requests were in that call, if the host said so; else 0.
        body: of an error the beginning of the body.
    """

    status: int
    seconds: float
    first: float | None
    timing: tuple[float, float] | None
    batch: int
    body: bytes


class ConnectionUser(Protocol):
    """
    Whoever sends requests over connections.
    """

    def on_answer(self, connection: ServiceConnection, answer: ServiceAnswer) -> None:
        """
        Take *answer*. *connection* is free for another request if its `usable` is set.
        """

    def on_lost(self, connection: ServiceConnection) -> None:
        """
        Learn that *connection* has ended.
        """


class ServiceConnection(asyncio.Protocol):
    """
    Sends requests and tells *user* of their answers.

    Attributes:
        due: when the request under way should have been sent; None if there is none.
        usable: whether another request may be sent.
    """

    def __init__(self, user: ConnectionUser) -> None:
        self._user = user
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._body = b""
        self._timing: tuple[float, float] | None = None
        self._batch = 0
        self._in_parts = False
        self._first: float | None = None
        self.due: float | None = None
        self.usable = False

    def send(self, request: bytes, due: float) -> None:
        """
        Send *request*, which should have been sent at the time *due* of the monotonic clock.
        """
        assert self._transport is not None  # noqa: S101  it is usable
        self.due = due
        self._transport.write(request)

    def abort(self) -> None:
        """
        End the connection now.
        """
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # Of asyncio's protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Take the *transport*.
        """
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """
        Parse *data*.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Tell the user.
        """
        self.usable = False
        self._user.on_lost(self)

    # Of httptools.

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Keep the times and the batch that the host tells, and whether the answer comes in parts.
        """
        name = name.lower()
        if name == b"server-timing" and (found := _TIMING.search(value)):
            self._timing = float(found[1]) / 1000, float(found[2]) / 1000
        elif name == b"x-processor-batch" and _BATCH.fullmatch(value):
            self._batch = int(value)
        elif name == b"transfer-encoding":
            self._in_parts = True

    def on_headers_complete(self) -> None:
        """
        Keep the status.
        """
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """
        Keep the time of the first part, and the beginning of an error's body.
        """
        if self._in_parts and self._first is None and self.due is not None:
            self._first = time.monotonic() - self.due
        if self._status >= BAD_REQUEST and len(self._body) < _SHOWN:
            self._body = (self._body + body)[:_SHOWN]

    def on_message_complete(self) -> None:
        """
        Hand the answer to the user.
        """
        if self._status < 200 or self.due is None:  # noqa: PLR2004  100 Continue and the like are no answers
            return
        seconds = time.monotonic() - self.due
        answer = ServiceAnswer(self._status, seconds, self._first, self._timing, self._batch, self._body)
        self.due = self._first = self._timing = None
        self._batch, self._in_parts, self._body = 0, False, b""
        if not self._parser.should_keep_alive():
            self.abort()
        self._user.on_answer(self, answer)
