"""
The front's side of the native data plane.

Each turn of the event loop in which a socket is ready calls the plane once. It reads all that has come, submits what it
may, and returns what is left to do.

Rule: the plane's requests are nobody's until somebody needs them. Whoever looks at requests under way calls `recall`
first; from then on those that are there have exchanges, like all others.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from eas_host import log
from eas_host.dispatch.exchange import Exchange, Submitter
from eas_host.front.plane.transport import PlaneTransport
from eas_host.ring import FrontRing
from eas_host.ring.plane import DATA, EOF, FAILED, RECEIVED, REQUEST, SUBMITTED, UNSENT, WRITABLE, Event, NativePlane


class Plane:
    """
    Serves the sockets of clients on *loop*. The bodies that it takes without Python have at most *allowance* bytes, all
    together.

    Attributes:
        native: the plane itself.
        adopt: called with exchanges that begin now but whose requests began earlier.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, allowance: int | None = None) -> None:
        self.native = NativePlane()
        if allowance is not None:
            self.native.set_allowance(allowance)
        self.adopt: Callable[[Sequence[Exchange]], None] = lambda _: None
        self._pending = self.native.pending
        self._loop = loop
        self._transports: dict[int, PlaneTransport] = {}
        self._submitters: dict[int, Submitter] = {}
        self._submitted: set[int] = set()  # rings, in this turn
        self._allowed = False
        self._closed = False
        loop.add_reader(self.native.fd, self._on_ready)

    def add(self, sock: socket.socket, protocol: asyncio.Protocol) -> None:
        """
        Serve the client of *sock*, which was accepted just now.

        Raises:
            OSError: the system has no room for it.
        """
        transport = PlaneTransport(self._loop, self, sock, protocol)
        self._transports[transport.number] = transport
        try:
            protocol.connection_made(transport)
        except Exception:  # noqa: BLE001  a bug of ours costs this connection
            log.exception("internal error while a client connected")
            transport.abort()

    def allow(self, *, allowed: bool) -> None:
        """
        Let requests be answered without Python from now on, or not.
        """
        self._allowed = allowed
        self.native.allow(allowed)
        if not allowed:
            self.recall()

    def set_head(self, status: int, head: bytes) -> None:
        """
        Begin answers of *status* with *head*, as far as the length.
        """
        if not self._closed:
            self.native.set_head(status, head)

    def forget_heads(self) -> None:
        """
        Forget all heads.
        """
        if not self._closed:
            self.native.forget_heads()

    def attach(self, ring: FrontRing, submitter: Submitter) -> int:
        """
        Let requests go to *ring*, whose *submitter* is called after that. Returns the ring's number.
        """
        number = self.native.attach(ring)
        self._submitters[number] = submitter
        return number

    def detach(self, number: int) -> None:
        """
        Forget the ring of that number.
        """
        if not self._closed:
            self.recall()
            self.native.detach(number)
            self._submitters.pop(number)

    def recall(self) -> None:
        """
        Have all requests that are under way without an exchange get one.
        """
        if self._allowed and not self._closed:
            self.native.hand_up_all()
            self.settle()

    def pending(self) -> int:
        """
        How many events wait for `settle`.
        """
        return 0 if self._closed else self._pending()

    def settle(self) -> None:
        """
        Handle what the native plane has reported since its last turn: requests that it hands up, and answers of which
        it could not send all.
        """
        while events := self.native.take():
            self._handle(events)

    def flush_later(self, ring: int) -> None:
        """
        Wake a worker and drain *ring* once the events of this turn are handled.
        """
        self._submitted.add(ring)

    def forget(self, number: int) -> None:
        """
        Forget the transport of that number.
        """
        self.native.remove(number)
        self._transports.pop(number, None)

    def close(self) -> None:
        """
        Close all sockets, and watch nothing any more.
        """
        if not self._closed:
            for transport in list(self._transports.values()):
                transport.abort()
            self._closed = True
            self._loop.remove_reader(self.native.fd)
            self.native.close()

    # -- inside

    def _on_ready(self) -> None:
        self._handle(self.native.turn(int(self._loop.time() * 1e6)))
        if self._pending():
            self.settle()

    def _handle(self, events: Sequence[Event]) -> None:
        """
        Handle *events*, the requests first: what else has come up may be about them.
        """
        adopted = [
            self._transports[number].take_over(slot, size, began)
            for kind, number, slot, size, began in events
            if kind == REQUEST
        ]
        if adopted:
            self.adopt(adopted)
        for kind, number, first, second, _ in events:
            if kind == SUBMITTED:
                self._submitted.add(number)
                continue
            transport = self._transports.get(number)
            if kind == REQUEST or transport is None:
                continue
            try:
                self._tell(transport, kind, first, second)
            except Exception:  # noqa: BLE001  a bug of ours costs this connection, not the others
                log.exception("internal error while serving a client")
                transport.abort()
        while self._submitted:
            self._submitters[self._submitted.pop()].flush()

    def _tell(self, transport: PlaneTransport, kind: int, first: int, second: int) -> None:
        if kind == DATA:
            transport.received(self.native.buffer[first : first + second])
        elif kind == RECEIVED:
            transport.body_received(first)
        elif kind == EOF:
            transport.ended()
        elif kind == WRITABLE:
            transport.writable()
        elif kind == UNSENT:
            transport.write(self.native.unsent(first, second))
        elif kind == FAILED:
            transport.failed(first)
