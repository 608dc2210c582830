"""
The socket of one client: its addresses, how much of what was sent is unread, and how it is reset.
"""

from __future__ import annotations

import asyncio

from eas_host.front.http.half_close import cut_off


class ClientSocket(asyncio.Protocol):
    """
    Superclass of the connection, which sets `transport` and `peer` before anything else happens.

    Attributes:
        transport: of the client's socket.
        peer: the client's address, for the log.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # see above
        self.peer = "-"
        self._cut_off = False  # by the host, not by the client

    def socket_address(self, which: str) -> tuple[str, int] | None:
        """
        The address of one end, `peername` or `sockname`.
        """
        address = self.transport.get_extra_info(which)
        return (address[0], address[1]) if address else None

    @property
    def unread(self) -> int:
        """
        Bytes that its client was sent and has not read.
        """
        return self.transport.get_write_buffer_size()

    def reset(self) -> None:
        """
        Close now, without sending what is still to be sent.
        """
        self._cut_off = True
        cut_off(self.transport)

    def abort(self) -> None:
        """
        Close now: the host ends.
        """
        self.transport.abort()

    def evict(self) -> None:
        """
        Reset: the client does not read, and there is no memory any more for what it was sent.
        """
        self.reset()
