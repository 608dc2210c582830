"""
Accepts clients on one listening socket.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Final

from eas_host import log
from eas_host.front.listener import BACKLOG

_MAX_ACCEPTED: Final = 64
"""Clients accepted at once, so that those who are connected already need not wait for long."""
_RETRY_SECONDS: Final = 1.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors that stay for a while, and with them the client."""


class Acceptor:
    """
    Accepts clients on *sock*, which listens, and calls *connected* with the socket of each.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, connected: Callable[[socket.socket], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._connected = connected
        self._timer: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._accept)

    def close(self) -> None:
        """
        Accept those who have connected by now, and no more: the socket is closed. Whoever still waited would be reset,
        and could not know whether its request has run.
        """
        if self._sock.fileno() >= 0:
            self._accept(BACKLOG)
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        if self._timer is not None:
            self._timer.cancel()

    def _accept(self, most: int = _MAX_ACCEPTED) -> None:
        for _ in range(most):
            try:
                client, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._pause(error)
                    return
                continue  # the client has left already
            try:
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connected(client)
            except OSError as error:
                log.warning("a client cannot be served: %s", os.strerror(error.errno or 0))
                client.close()

    def _pause(self, error: OSError) -> None:
        """
        Try again later: until then the system would report the same client all the time.
        """
        reason = os.strerror(error.errno or 0)
        log.warning("a client cannot be accepted: %s; trying again in %g s", reason, _RETRY_SECONDS)
        self._loop.remove_reader(self._sock.fileno())
        self._timer = self._loop.call_later(_RETRY_SECONDS, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._loop.add_reader(self._sock.fileno(), self._accept)
