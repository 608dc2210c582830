"""
Telling a client that has left from one that has only said all it has to say.

Both end their half of the connection with the same packet, and until something is sent to them nothing tells them
apart. So what is due is answered, and a moment later the socket is asked: the system of a client that has left has
answered with a reset, which is an error of the socket. Until then the request runs on, as it does after a 408.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from eas_host.front.limits import PARTING_SECONDS

if TYPE_CHECKING:
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext
    from eas_host.front.exchange import Exchange


class Parting:
    """
    Watches the end of *connection*, whose client sends no more: *exchange*, the last, is answered now.

    *waited* is how long, in seconds, the client had waited for it when it stopped sending.
    """

    def __init__(self, front: FrontContext, connection: Connection, exchange: Exchange, waited: float) -> None:
        self._front = front
        self._connection = connection
        self._exchange = exchange
        self._waited = waited
        connection.transport.write_eof()
        self._timer = front.loop.call_later(PARTING_SECONDS, self._judge)

    def lost(self, *, by_client: bool) -> None:
        """
        The connection is gone; *by_client*: it was not the host that has cut it off.
        """
        self._timer.cancel()
        if by_client:
            self._front.diagnose_left(self._exchange, self._waited)

    def _judge(self) -> None:
        connection = self._connection
        connection.parting = None
        if _was_reset(connection.transport.get_extra_info("socket")):
            self._front.diagnose_left(self._exchange, self._waited)
        connection.transport.close()


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
