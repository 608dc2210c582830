"""
Telling a client that has left from one that has only said all it has to say.

Both end their half of the connection with the same packet, and until something is sent to them nothing tells them
apart. So what is due is answered, and a moment later the socket is asked: the system of a client that has left has
answered with a reset. Until then the request runs on, as it does after a 408.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final

from eas_host.front.limits import PARTING_SECONDS

if TYPE_CHECKING:
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext
    from eas_host.front.exchange import Exchange

_CLOSED: Final = 7
"""TCP_CLOSE of <netinet/tcp.h>: the state, tcp_info's first byte, of a connection that was reset."""


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

    def lost(self) -> None:
        """
        The connection is gone.
        """
        self._timer.cancel()
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
    state: int = struct.unpack("B", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0]
    return state == _CLOSED


def cut_off(transport: asyncio.Transport) -> None:
    """
    Close *transport* now, without sending what is still to be sent.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # With a linger time of 0 the kernel forgets the unsent bytes, too, and tells the client.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
