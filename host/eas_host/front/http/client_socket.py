"""
The socket of one client: its addresses, how much of what was sent is unread, and how it is reset.
"""

from __future__ import annotations

import asyncio
import socket

from eas_host.dispatch.body_buffer import BodyReceiver
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.front.http.half_close import cut_off
from eas_host.front.limits import SINGLE_WRITE_MAX, STREAM_BUFFER
from eas_host.front.plane.transport import PlaneTransport


class ClientSocket(asyncio.Protocol):
    """
    Superclass of the connection, which sets `transport` and `peer` before anything else happens.

    Attributes:
        transport: of the client's socket.
        peer: the client's address, for the log.
        keepalive: seconds that an exchange may take; a copy, so that the front's number is not read for each request.
    """

    def __init__(self, keepalive: float, now: float) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # see above
        self.peer = "-"
        self.keepalive = keepalive
        self._last_used = now + keepalive
        self._plane: PlaneTransport | None = None  # the transport, if it answers some requests by itself
        self._cut_off = False  # by the host, not by the client

    def socket_address(self, which: str) -> tuple[str, int] | None:
        """
        The address of one end, `peername` or `sockname`.
        """
        address = self.transport.get_extra_info(which)
        return (address[0], address[1]) if address else None

    @property
    def body_receiver(self) -> BodyReceiver | None:
        """
        Its transport, if that can receive a body straight into a slot.
        """
        return self._plane

    @property
    def last_used(self) -> float:
        """
        The deadline of the last exchange; as all have the same time-out, it tells which connection was used last.
        """
        if self._plane is None:
            return self._last_used
        return max(self._last_used, self._plane.last_used + self.keepalive)

    def set_keepalive(self, seconds: float) -> None:
        """
        Let each exchange take *seconds*.
        """
        self._last_used += seconds - self.keepalive
        self.keepalive = seconds

    @property
    def unread(self) -> int:
        """
        Bytes that its client was sent and has not read.
        """
        return self.transport.get_write_buffer_size()

    def send(self, head: bytes, body: bytes | LargeOutput) -> None:
        """
        Send an answer.
        """
        if isinstance(body, LargeOutput):
            if self._plane is not None:
                self._plane.write_output(head, body)
                return
            body = body.take()
        if len(body) <= SINGLE_WRITE_MAX:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))

    def begin_stream(self, exchange: Exchange) -> None:
        """
        The answer to *exchange* streams from here on. The kernel shall not hold much of it for a client that does not
        read: what it holds is sent late.
        """
        exchange.streams = True
        sock: socket.socket | None = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BUFFER)

    def send_more(self, data: bytes) -> bool:
        """
        Send *data* after an answer that streams. Returns False if its client is gone, or has not read what it was sent
        before: then it is reset, for what it does not read must not pile up here.
        """
        if self.transport.is_closing():
            return False
        if self.unread:
            self.reset()
            return False
        self.transport.write(data)
        return True

    def end_stream(self) -> None:
        """
        Close, after everything is sent, which ends an answer that streams.
        """
        self.transport.close()

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
