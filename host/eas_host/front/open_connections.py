"""
All connections that are open, and what the front knows of each.

The host does not stop before they are gone, nor before the requests that it has accepted without one are done.
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
    What a connection is used for, those first that can best be spared.
    """

    IDLE = 0
    CLOSING = 1
    ARRIVING = 2
    UNREAD = 3
    BUSY = 4


class OpenConnection(Holder, Protocol):
    """
    One of them.

    Attributes:
        keepalive: seconds that an exchange may take.
        last_used: the deadline of the last exchange; of those with the same time-out it tells which was used last.
    """

    keepalive: float
    last_used: float

    @property
    def use(self) -> tuple[Use, float]:
        """
        What it is used for, and a number that is lower the longer it has been so.
        """

    @property
    def unread(self) -> int:
        """
        Bytes that its client was sent and has not read.
        """

    def close_if_idle(self) -> None:
        """
        Close it if no exchange is under way.
        """

    def invalidate_head_cache(self) -> None:
        """
        Parse and judge the next request anew, however well its head is known.
        """

    def reset(self) -> None:
        """
        Close now, without sending what is still to be sent.
        """

    def abort(self) -> None:
        """
        Close now, and tell nobody.
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
        *connection* is open.
        """
        self._all.add(connection)

    def discard(self, connection: OpenConnection) -> None:
        """
        *connection* is gone, or about to be.
        """
        self._all.discard(connection)
        self._check_drained()

    def add_detached(self, request: DetachedResponder) -> None:
        """
        The host has accepted *request*, for which no connection waits.
        """
        self._detached.add(request)

    def discard_detached(self, request: DetachedResponder) -> None:
        """
        *request* is done.
        """
        self._detached.discard(request)
        self._check_drained()

    def invalidate_head_caches(self) -> None:
        """
        What was decided about the heads that connections know is decided anew.
        """
        for connection in self._all:
            connection.invalidate_head_cache()

    def set_keepalive(self, seconds: float, longer: float) -> None:
        """
        Each exchange may take so many *seconds*, which is *longer* than before by so many.
        """
        for connection in self._all:
            connection.keepalive = seconds
            connection.last_used += longer

    async def drain(self, seconds: float) -> None:
        """
        Return when all are gone. Each answer closes its connection; those that are idle after so many *seconds* are
        closed unasked.
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
