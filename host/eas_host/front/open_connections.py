"""
All connections that are open, and what the front knows of each.

The host does not stop before they are gone, nor before the detached requests that it has accepted are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from enum import IntEnum
from typing import Protocol

from eas_host.dispatch.memory_budget import Holder
from eas_host.front.detached_requests import DetachedResponder


class Use(IntEnum):
    """
    What a connection is used for; the lower the value, the sooner it can be spared.

    Attributes:
        IDLE: no request is under way.
        CLOSING: its last answer was sent, and it is about to end.
        ARRIVING: a request arrives.
        UNREAD: its client has not read all that it was sent.
        BUSY: a request waits or runs.
    """

    IDLE = 0
    CLOSING = 1
    ARRIVING = 2
    UNREAD = 3
    BUSY = 4


class OpenConnection(Holder, Protocol):
    """
    A connection, as those parts of the front know it that look after all of them.

    Attributes:
        last_used: the deadline of the last exchange; as all have the same time-out, it tells which was used last.
    """

    @property
    def last_used(self) -> float:
        """
        See above.
        """

    def set_keepalive(self, seconds: float) -> None:
        """
        Let each exchange take *seconds*.
        """

    @property
    def use(self) -> tuple[Use, float]:
        """
        What the connection is used for, and a number that is the lower the longer it has been used so.
        """

    @property
    def unread(self) -> int:
        """
        Bytes that its client was sent and has not read.
        """

    @property
    def answers_in_parts(self) -> bool:
        """
        Whether it sends an answer of which more is to come.
        """

    def close_if_idle(self) -> None:
        """
        Close it if no exchange is under way.
        """

    def invalidate_head_cache(self) -> None:
        """
        Parse the next request and decide about it, even if its head is known.
        """

    def reset(self) -> None:
        """
        Close now, without sending what is still to be sent.
        """

    def abort(self) -> None:
        """
        Close now: the host ends.
        """


class OpenConnections:
    """
    Knows the connections of one host.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._all: set[OpenConnection] = set()
        self._detached: set[DetachedResponder] = set()
        self._drained: asyncio.Future[None] | None = None

    def __iter__(self) -> Iterator[OpenConnection]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, connection: OpenConnection) -> bool:
        return connection in self._all

    def add(self, connection: OpenConnection) -> None:
        """
        Add *connection*, which has been opened.
        """
        self._all.add(connection)

    def discard(self, connection: OpenConnection) -> None:
        """
        Remove *connection*, which is gone or about to be.
        """
        self._all.discard(connection)
        self._check_drained()

    def add_detached(self, request: DetachedResponder) -> None:
        """
        Add *request*, which the host has accepted and for which no connection waits.
        """
        self._detached.add(request)

    def discard_detached(self, request: DetachedResponder) -> None:
        """
        Remove *request*, which is done.
        """
        self._detached.discard(request)
        self._check_drained()

    def invalidate_head_caches(self) -> None:
        """
        Have all connections parse their next requests and decide about them, even if their heads are known.
        """
        for connection in self._all:
            connection.invalidate_head_cache()

    def set_keepalive(self, seconds: float) -> None:
        """
        Let each exchange take *seconds*.
        """
        for connection in self._all:
            connection.set_keepalive(seconds)

    async def drain(self, seconds: float) -> None:
        """
        Return when all connections are gone and all detached requests are done. Each answer closes its connection; the
        connections that are idle after *seconds* are closed then.
        """
        drained = self._drained = self._loop.create_future()
        self._check_drained()
        await asyncio.wait([drained], timeout=seconds)
        for connection in self:
            connection.close_if_idle()
        await drained

    def abort(self) -> None:
        """
        Close what is still open.
        """
        for connection in self:
            connection.abort()

    def _check_drained(self) -> None:
        over = not self._all and not self._detached
        if over and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
