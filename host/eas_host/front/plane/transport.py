"""
One client's socket, as a transport of asyncio.

The native plane reads from it and, where a request needs no decision, answers it. All else is written here: at once as
far as the system takes it, the rest when the plane reports that it takes more.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from typing import Any, Final, Protocol

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.limits import SMALL_BODY
from eas_host.ring.plane import NativePlane

_HIGH_WATER: Final = 64 * 1024
_LOW_WATER: Final = _HIGH_WATER // 4
"""Bytes unsent above which writing is paused, and down to which it is resumed, as in all transports of asyncio."""
_MAX_BUFFERS: Final = 64
"""Pieces that one system call sends."""
_MICROSECOND: Final = 1e-6


class Client(Protocol):
    """
    The protocol object of a client, beside what asyncio's are.
    """

    def take_over(self, slot: int, size: int, began: float) -> Exchange:
        """
        Make the exchange of the request in *slot*, which began at the loop's time *began* and whose body has *size*
        bytes: the plane has submitted it, and hands it up.
        """


class Settler(Protocol):
    """
    The plane, as a transport knows it.
    """

    native: NativePlane

    def settle(self) -> None:
        """
        Handle what the native plane has reported since its last turn.
        """

    def flush_later(self, ring: int) -> None:
        """
        Wake a worker and drain *ring* once the events of this turn are handled.
        """

    def forget(self, number: int) -> None:
        """
        Forget the transport of that number.
        """


class PlaneTransport(asyncio.Transport):
    """
    The transport of *sock* for *protocol*, which is a `Client`, too.
    """

    __slots__ = (
        "_buffer",
        "_closing",
        "_eof",
        "_loop",
        "_native",
        "_paused",
        "_plane",
        "_protocol",
        "_reading",
        "_sock",
        "_unsent",
        "number",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, plane: Settler, sock: socket.socket, protocol: asyncio.Protocol
    ) -> None:
        super().__init__()
        self._loop = loop
        self._plane = plane
        self._native = plane.native
        self._sock: socket.socket | None = sock
        self._protocol = protocol
        self._buffer: deque[memoryview] = deque()
        self._unsent = 0
        self._reading = True
        self._closing = False
        self._eof = False
        self._paused = False  # the protocol was told to write no more
        self.number = self._native.add(sock.fileno())

    # -- asyncio's interface

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  as in asyncio
        """
        Return the socket, or one of its addresses.
        """
        sock = self._sock
        if sock is None:
            return default
        if name == "socket":
            return sock
        try:
            return {"peername": sock.getpeername, "sockname": sock.getsockname}[name]()
        except (OSError, KeyError):
            return default

    def is_closing(self) -> bool:
        """
        Whether it is closed, or will be once all is sent.
        """
        return self._closing

    def close(self) -> None:
        """
        Close after all is sent.
        """
        if self._closing:
            return
        self.hand_up()
        self._closing = True
        self._reading = False
        if self._buffer:
            self._watch()
        else:
            self._lose(None)

    def abort(self) -> None:
        """
        Close now.
        """
        self.hand_up()
        self._closing = True
        self._lose(None)

    def is_reading(self) -> bool:
        """
        Whether what comes is read.
        """
        return self._reading

    def pause_reading(self) -> None:
        """
        Leave what comes to the system.
        """
        self._set_reading(reading=False)

    def resume_reading(self) -> None:
        """
        Read again.
        """
        self._set_reading(reading=True)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Send *data*, now or later.
        """
        if self._buffer or self._eof or self.number < 0:
            self.writelines((data,))
            return
        assert self._sock is not None  # noqa: S101  it is there as long as the number is
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._fail(error)
            return
        if sent != len(data):
            self._keep((data,), sent)
            self._watch()

    def writelines(self, list_of_data: Any) -> None:  # noqa: ANN401  as in asyncio
        """
        Send several pieces as one.
        """
        if self._eof:
            raise RuntimeError("written after the end")
        sock = self._sock
        if sock is None or self.number < 0:
            return
        if self._buffer:
            self._keep(list_of_data, 0)
            return
        try:
            sent = sock.sendmsg(list_of_data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._fail(error)
            return
        if sent != sum(map(len, list_of_data)):
            self._keep(list_of_data, sent)
            self._watch()

    def write_eof(self) -> None:
        """
        End this half of the connection once all is sent.
        """
        if self._eof or self.number < 0:
            return
        self._eof = True
        if not self._buffer:
            self._shut_down()

    def can_write_eof(self) -> bool:
        """
        Return that it has `write_eof`.
        """
        return True

    def get_write_buffer_size(self) -> int:
        """
        Bytes that are not sent yet.
        """
        return self._unsent

    # -- the plane's calls

    def received(self, data: bytes) -> None:
        """
        The client has sent *data*.
        """
        if not self._closing:
            self._protocol.data_received(data)

    def ended(self) -> None:
        """
        The client sends no more, and is read no more.
        """
        self._reading = False
        if not (self._closing or self._protocol.eof_received()):
            self.close()

    def failed(self, number: int) -> None:
        """
        The connection is broken, by the system's error *number*.
        """
        self._fail(OSError(number, os.strerror(number)))

    def writable(self) -> None:
        """
        Go on sending.
        """
        if self._sock is None or self.number < 0:
            return
        try:
            sent = self._sock.sendmsg([piece for piece, _ in zip(self._buffer, range(_MAX_BUFFERS), strict=False)])
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        self._drop(sent)
        if not self._buffer:
            self._watch()
            if self._closing:
                self._lose(None)
            elif self._eof:
                self._shut_down()
        if self._paused and self._unsent <= _LOW_WATER:
            self._paused = False
            self._protocol.resume_writing()

    # -- requests that are answered without Python

    def learn(self, ring: int, template: bytes, body_size: int, max_body: int) -> None:
        """
        Answer requests that match *template*, from the next call of `arm` on.
        """
        self._native.learn(self.number, ring, template, body_size, max_body)

    def arm(self) -> None:
        """
        The connection is idle: answer the next request without Python, if it matches.
        """
        if not (self._closing or self._buffer) and self.number >= 0:
            self._native.arm(self.number)

    def submit(self, ring: int, body: bytes) -> bool:
        """
        Have the plane submit the request to *ring* that has *body*, and answer it. False: Python has to.
        """
        if self._closing or self._buffer or len(body) > SMALL_BODY or not self._native.submit(self.number, ring, body):
            return False
        self._plane.flush_later(ring)
        return True

    def disarm(self) -> None:
        """
        Hand the next request to Python in any case.
        """
        if self.number >= 0:
            self._native.disarm(self.number)

    def hand_up(self) -> None:
        """
        Have the protocol take over the request that the plane has under way, if there is one.
        """
        if self.number >= 0:
            self._native.hand_up(self.number)
            if self._native.pending():
                self._plane.settle()

    @property
    def last_used(self) -> float:
        """
        When the last request began that was answered without Python, by the loop's time; 0.0 if none was.
        """
        return self._native.last_used(self.number) * _MICROSECOND if self.number >= 0 else 0.0

    def take_over(self, slot: int, size: int, began: int) -> Exchange:
        """
        Have the protocol take over a request.
        """
        client: Client = self._protocol  # type: ignore[assignment]  # see the class
        return client.take_over(slot, size, began * _MICROSECOND)

    # -- inside

    def _set_reading(self, *, reading: bool) -> None:
        if not self._closing and reading != self._reading:
            self._reading = reading
            self._watch()

    def _watch(self) -> None:
        if self.number >= 0:
            self._native.watch(self.number, self._reading, bool(self._buffer))

    def _keep(self, pieces: Any, sent: int) -> None:  # noqa: ANN401  what `writelines` gets
        """
        Keep *pieces*, of which *sent* bytes are sent.
        """
        self.disarm()  # or the next answer could overtake these
        views = [memoryview(piece) for piece in pieces if piece]
        self._buffer.extend(views)
        self._unsent += sum(map(len, views))
        self._drop(sent)
        if self._unsent > _HIGH_WATER and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def _drop(self, sent: int) -> None:
        """
        Drop *sent* bytes from the beginning of the buffer.
        """
        self._unsent -= sent
        buffer = self._buffer
        while sent:
            first = buffer[0]
            if len(first) > sent:
                buffer[0] = first[sent:]
                return
            sent -= len(first)
            buffer.popleft()

    def _shut_down(self) -> None:
        if self._sock is not None:
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.hand_up()
        self._closing = True
        self._lose(error)

    def _lose(self, error: OSError | None) -> None:
        """
        Watch the socket no more, and tell the protocol in the next turn of the loop.
        """
        if self.number < 0:
            return
        self._buffer.clear()
        self._unsent = 0
        self._plane.forget(self.number)
        self.number = -1
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: OSError | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            sock, self._sock = self._sock, None
            if sock is not None:
                sock.close()
