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


class ServiceAnswer(NamedTuple):
    """
    The answer to a request.

    Attributes:
        status: its status.
        seconds: the time since the request was due.
        timing: the seconds in the queue and in the call, if the host said so.
        body: of an error the beginning of the body.
    """

    status: int
    seconds: float
    timing: tuple[float, float] | None
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
        Keep the times that the host tells.
        """
        if name.lower() == b"server-timing" and (found := _TIMING.search(value)):
            self._timing = float(found[1]) / 1000, float(found[2]) / 1000

    def on_headers_complete(self) -> None:
        """
        Keep the status.
        """
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """
        Keep the beginning of an error's body.
        """
        if self._status >= BAD_REQUEST and len(self._body) < _SHOWN:
            self._body = (self._body + body)[:_SHOWN]

    def on_message_complete(self) -> None:
        """
        Hand the answer to the user.
        """
        if self._status < 200 or self.due is None:  # noqa: PLR2004  100 Continue and the like are no answers
            return
        answer = ServiceAnswer(self._status, time.monotonic() - self.due, self._timing, self._body)
        self.due = None
        self._timing, self._body = None, b""
        if not self._parser.should_keep_alive():
            self.abort()
        self._user.on_answer(self, answer)
