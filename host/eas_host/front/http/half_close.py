"""
Tells a client that has left from one that has only sent its last request.

Both end their half of the connection with the same packet, and until something is sent to them nothing tells them
apart. So the request is answered, and a moment later the socket is asked: the system of a client that has left has
replied with a reset, which is an error of the socket. Until then the request runs on, as it does after a 408.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from eas_host.front.limits import HALF_CLOSE_SECONDS


class HalfCloseMonitor:
    """
    Watches *transport*, whose client sends no more and has just been sent its last answer. *left* is called if the
    client has left instead of reading it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, left: Callable[[], None]) -> None:
        self._transport = transport
        self._left: Callable[[], None] | None = left
        transport.write_eof()
        self._timer = loop.call_later(HALF_CLOSE_SECONDS, self._decide)

    def lost(self, *, by_client: bool) -> None:
        """
        The connection is gone. *by_client*: the client has cut it off, not the host.
        """
        self._timer.cancel()
        self._end(left=by_client)

    def _decide(self) -> None:
        self._end(left=_was_reset(self._transport.get_extra_info("socket")))
        self._transport.close()

    def _end(self, *, left: bool) -> None:
        callback, self._left = self._left, None
        if left and callback is not None:
            callback()


def _was_reset(sock: socket.socket | None) -> bool:
    if sock is None:
        return True
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def cut_off(transport: asyncio.Transport) -> None:
    """
    Close *transport* now, without sending what is still to be sent.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # With a linger time of 0 the kernel forgets the unsent bytes, too, and tells the client.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
