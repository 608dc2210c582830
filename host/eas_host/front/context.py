"""
What all connections of a host share.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from eas_host import log
from eas_host.config import HostConfig
from eas_host.front.deadlines import Deadlines
from eas_host.front.dispatch import Dispatcher
from eas_host.front.exchange import Exchange, Refusal
from eas_host.front.limits import (
    IDLE_SECONDS,
    RESERVED_DESCRIPTORS,
    RESERVED_PER_WORKER,
    SEND_SECONDS,
    STALLED_SECONDS,
    UNSENT_MEMORY,
)
from eas_host.front.upload import Uploads
from eas_host.front.wire import Heads
from eas_host.ring import FrontRing

if TYPE_CHECKING:
    from eas_host.front.connection import Connection

_SWEEP_SECONDS = 1.0


class Stalled(NamedTuple):
    """
    What is known of a client that does not read: *since* when, when it last *moved*, and how many bytes are *left*.
    """

    since: float
    moved: float
    left: int


class FrontContext:
    """
    The front's shared state.

    Attributes:
        keepalive: seconds that one exchange may take.
        connections: all that are open.
        max_connections: how many there may be; the rest of the descriptors is for workers.
        stalled: those whose clients do not read, as the last sweep saw them.
        draining: whether the host is stopping: each answer closes its connection.
        plain: whether answers need nothing special: the host is not stopping, and there is no access log.
        access_log: called for each answer with the exchange, its status and the size of its body.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: HostConfig, ring: FrontRing, dispatcher: Dispatcher
    ) -> None:
        self.loop = loop
        self.keepalive = config.keepalive / 1000
        self.max_body = config.max_body
        self.dispatcher = dispatcher
        self.uploads = Uploads(ring)
        self.heads = Heads(config.content_type)
        self.deadlines = Deadlines(loop, self.keepalive, self._expire)
        self.connections: set[Connection] = set()
        self.max_connections = _most_connections(config.worker_processes)
        self.stalled: dict[Connection, Stalled] = {}
        self.draining = False
        self.plain = not config.access_log
        self.access_log: Callable[[Exchange, int, int], None] | None = self._log_access if config.access_log else None
        self._drained: asyncio.Future[None] | None = None
        self._sweep_timer = loop.call_later(_SWEEP_SECONDS, self._sweep)

    async def drain(self) -> None:
        """
        Close idle connections, let the others finish their exchanges, and return when all are gone.
        """
        self.draining = True
        self.plain = False
        for connection in list(self.connections):
            connection.close_if_at_rest()
        self._drained = self.loop.create_future()
        self.check_drained()
        await self._drained

    def check_drained(self) -> None:
        """
        Called whenever a connection is gone.
        """
        if self._drained is not None and not self.connections and not self._drained.done():
            self._drained.set_result(None)

    def close(self) -> None:
        """
        Reset what is still open.
        """
        self._sweep_timer.cancel()
        self.deadlines.close()
        for connection in list(self.connections):
            connection.transport.abort()

    def _expire(self, exchange: Exchange) -> None:
        dispatcher = self.dispatcher
        if exchange.slot >= 0 and not dispatcher.worker_alive and dispatcher.is_waiting(exchange):
            refusal = Refusal(503, "no healthy upstream: no worker became ready in time", close=True)
        else:
            refusal = Refusal(
                408, f"the request took longer than {self.keepalive * 1000:.0f} ms (--keepalive)", close=True
            )
        exchange.connection.expire(exchange, refusal)

    def _sweep(self) -> None:
        """
        Once a second: renew the Date, close connections that are idle for long, reset those that do not read.
        """
        self._sweep_timer = self.loop.call_later(_SWEEP_SECONDS, self._sweep)
        self.heads.renew()
        now = self.loop.time()
        for connection in list(self.connections):
            connection.sweeps_at_rest += 1
            if connection.sweeps_at_rest * _SWEEP_SECONDS > IDLE_SECONDS:
                connection.close_if_at_rest()
        self._cut_off_stalled(now)
        # A wild write of a processor may have spoilt the word that asks workers to tell of completions.
        self.dispatcher.drain()

    def _cut_off_stalled(self, now: float) -> None:
        """
        Reset connections whose clients do not read what they were sent.
        """
        unsent = 0
        for connection in list(self.connections):
            left = connection.transport.get_write_buffer_size()
            unsent += left
            known = self.stalled.get(connection)
            if not left:
                self.stalled.pop(connection, None)
            elif known is None:
                self.stalled[connection] = Stalled(now, now, left)
            elif now - known.since > STALLED_SECONDS or (left == known.left and now - known.moved > SEND_SECONDS):
                log.debug("a client does not read its answer: reset")
                connection.reset()
            elif left != known.left:
                self.stalled[connection] = Stalled(known.since, now, left)
        if unsent > UNSENT_MEMORY and self.stalled:
            longest = min(self.stalled, key=lambda connection: self.stalled[connection].since)
            log.warning("%d bytes of answers are not read by their clients: the longest stalled is reset", unsent)
            longest.reset()

    def _log_access(self, exchange: Exchange, status: int, size: int) -> None:
        peer = exchange.connection.transport.get_extra_info("peername")
        milliseconds = (self.loop.time() - exchange.deadline + self.keepalive) * 1000
        log.info(
            '%s "%s %s" %d %d %.0fms',
            peer[0] if peer else "-",
            exchange.head.method.decode("ascii", "replace") or "-",
            exchange.head.url.decode("ascii", "backslashreplace") or "-",
            status,
            size,
            milliseconds,
        )


def _most_connections(workers: int) -> int:
    """
    How many connections leave enough descriptors to start a worker: clients must not be able to prevent that.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(1, soft - RESERVED_DESCRIPTORS - workers * RESERVED_PER_WORKER)
