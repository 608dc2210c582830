"""
One client's socket, as a transport of asyncio.

The native plane reads from it and, where a request needs no decision, answers it. All else is written here: at once as
far as the system takes it, the rest when the plane reports that it takes more.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.dispatch.limits import DIRECT_BODY
from eas_host.front.plane.interfaces import Client, Settler
from eas_host.front.plane.send_buffer import SendBuffer

_HIGH_WATER: Final = 64 * 1024
_LOW_WATER: Final = _HIGH_WATER // 4
"""Bytes unsent above which writing is paused, and down to which it is resumed, as in all transports of asyncio."""
_MICROSECOND: Final = 1e-6


class PlaneTransport(asyncio.Transport):
    """
    The transport of *sock* for *protocol*, which is a `Client`, too.
    """

    __slots__ = (
        "_closing",
        "_eof",
        "_loop",
        "_native",
        "_on_received",
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
        self._unsent = SendBuffer()
        self._on_received: Callable[[int], None] | None = None
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
        if self._unsent.size:
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
        if self._unsent.size or self._eof or self.number < 0:
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
        if self._unsent.size:
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

    def write_output(self, head: bytes, output: LargeOutput) -> None:
        """
        Send *head* and *output*, and release that: what the system does not take at once is copied.
        """
        if self._unsent.size or self._eof or self.number < 0:
            self.writelines((head, output.take()))
            return
        assert self._sock is not None  # noqa: S101  it is there as long as the number is
        try:
            sent = self._sock.sendmsg((head, output.view))
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            output.release()
            self._fail(error)
            return
        of_output = max(0, sent - len(head))
        if of_output == len(output):
            output.release()
            return
        rest = output.take(of_output)
        if self.number >= 0:  # else it was cut off, to make room for the rest
            self._keep((head[sent:], rest), 0)
            self._watch()

    def write_eof(self) -> None:
        """
        End this half of the connection once all is sent.
        """
        if self._eof or self.number < 0:
            return
        self._eof = True
        if not self._unsent.size:
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
        return self._unsent.size

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
            sent = self._sock.sendmsg(self._unsent.first())
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        self._unsent.drop(sent)
        if not self._unsent.size:
            self._watch()
            if self._closing:
                self._lose(None)
            elif self._eof:
                self._shut_down()
        if self._paused and self._unsent.size <= _LOW_WATER:
            self._paused = False
            self._protocol.resume_writing()

    # -- bodies that go straight into slots

    def receive(self, on_received: Callable[[int], None], ring: int, slot: int, offset: int, size: int) -> None:
        """
        Receive the next *size* bytes straight into a *slot* of *ring*, and call *on_received* with how many have come.
        """
        self._on_received = on_received
        self._native.receive(self.number, ring, slot, offset, size)

    def stop_receiving(self) -> None:
        """
        Receive no more into a slot, which is about to be published or released.
        """
        self._on_received = None
        if self.number >= 0:
            self._native.receive(self.number, -1, -1, 0, 0)

    def body_received(self, size: int) -> None:
        """
        So much of a body has come, and is in its slot.
        """
        if self._on_received is not None:  # else it was refused in this turn, and its slot is free
            self._on_received(size)

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
        if not (self._closing or self._unsent.size) and self.number >= 0:
            self._native.arm(self.number)

    def submit(self, ring: int, body: bytes) -> bool:
        """
        Have the plane submit the request to *ring* that has *body*, and answer it. False: Python has to.
        """
        if (
            self._closing
            or self._unsent.size
            or len(body) > DIRECT_BODY
            or not self._native.submit(self.number, ring, body)
        ):
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
            self._native.watch(self.number, self._reading, bool(self._unsent.size))

    def _keep(self, pieces: Any, sent: int) -> None:  # noqa: ANN401  what `writelines` gets
        """
        Keep *pieces*, of which *sent* bytes are sent.
        """
        self.disarm()  # or the next answer could overtake these
        self._unsent.keep(pieces, sent)
        if self._unsent.size > _HIGH_WATER and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

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
        self._unsent.clear()
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
