"""
What all connections of a host share.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from eas_host import log
from eas_host.config import HostConfig
from eas_host.front.auth import Auth
from eas_host.front.builtin import Builtins
from eas_host.front.crew import Crew
from eas_host.front.deadlines import Deadlines
from eas_host.front.diagnosis import Diagnosis
from eas_host.front.dispatch import Dispatcher
from eas_host.front.exchange import Exchange, Refusal
from eas_host.front.intake import Intake
from eas_host.front.limits import (
    EARLY_SLOTS,
    IDLE_SECONDS,
    RESERVED_DESCRIPTORS,
    RESERVED_PER_WORKER,
    SEND_SECONDS,
    STALLED_SECONDS,
    UNSENT_MEMORY,
)
from eas_host.front.metrics import Metrics
from eas_host.front.properties import HIDDEN, TOKEN, Properties, Source
from eas_host.front.rate import RateLimit
from eas_host.front.upload import Uploads
from eas_host.front.wire import Heads
from eas_host.reply import ACCEPTED, CLIENT_LEFT
from eas_host.ring import FrontRing

if TYPE_CHECKING:
    from eas_host.front.builtin.call import Nobody
    from eas_host.front.connection import Connection
    from eas_host.workers import Workers

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
        told: the requests under way that nobody waits for (`/api/builtin/tell`).
        max_connections: how many there may be; the rest of the descriptors is for workers.
        stalled: those whose clients do not read, as the last sweep saw them.
        draining: whether the host is stopping: each answer closes its connection.
        closed: whether what is still open is being reset.
        plain: whether answers need nothing special: the host is not stopping, and there is no access log.
        decompressor: how bodies are packed that do not say it themselves (`rpc.decompressor`).
        name: the service's name.
        workers: what runs the processor, once there is something.
        on_term: called when a client asks the host to stop.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: HostConfig, ring: FrontRing, dispatcher: Dispatcher
    ) -> None:
        self.loop = loop
        self.config = config
        self.ring = ring
        self.keepalive = config.keepalive / 1000
        self.max_body = config.max_body
        self.decompressor: str | None = config.decompressor
        self.dispatcher = dispatcher
        self.auth = Auth(config.token)
        self.metrics = Metrics(ring)
        self.builtins = Builtins(self)
        self.intake = Intake(self)
        self.crew = Crew(
            dispatcher,
            ring.shape.slots - EARLY_SLOTS,
            config.max_queue_size,
            config.worker_processes,
            config.worker_threads,
        )
        self.diagnosis = Diagnosis(loop, self.tell)
        self.uploads = Uploads(ring)
        self.heads = Heads(config.content_type)
        self.deadlines = Deadlines(loop, self.keepalive, self._expire)
        self.connections: set[Connection] = set()
        self.told: set[Nobody] = set()
        self.max_connections = _most_connections(config.worker_processes)
        self.stalled: dict[Connection, Stalled] = {}
        self.draining = False
        self.closed = False
        self.plain = not config.access_log
        self.name = ""
        self.workers: Workers | None = None
        self.on_term: Callable[[], None] = lambda: None
        self._loaded: set[int] = set()  # workers whose programs are ready
        self._has_served = False  # one of them has been
        self.properties = self._make_properties()
        self.set_rate(config.rate_limit)
        dispatcher.on_full = lambda: self.diagnosis.full(ring.waiting())
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
        Called whenever a connection is gone, or a request that nobody waits for.
        """
        over = not self.connections and not self.told
        if over and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def close(self) -> None:
        """
        Reset what is still open.
        """
        self._sweep_timer.cancel()
        self.deadlines.close()
        self.intake.close()
        self.closed = True
        for connection in list(self.connections):
            connection.transport.abort()

    # -- exchanges

    def submit(self, exchange: Exchange) -> Refusal | None:
        """
        Submit *exchange*, whose request took a while to arrive. Returns a refusal if that is not possible now.
        """
        refusal = self.dispatcher.submit(exchange)
        if refusal is None:
            self.ring.backdate(exchange.slot, int(self.age(exchange) * 1e9))
        return refusal

    def age(self, exchange: Exchange) -> float:
        """
        Seconds since the first byte of *exchange*.
        """
        return self.loop.time() - exchange.deadline + self.keepalive

    def answered(self, exchange: Exchange, status: int, size: int) -> None:
        """
        The processor's answer to *exchange* was sent: *status*, and *size* bytes. Not called while answers are `plain`.
        """
        if self.config.access_log:
            self._log_access(exchange, status, size)

    def said(self, exchange: Exchange, status: int, size: int) -> None:
        """
        An answer of the host itself to *exchange* was sent. Those of the processor are counted in the ring; and so is
        the request that `tell` has accepted.
        """
        if exchange.head.counts and status != ACCEPTED:
            self.metrics.count(status, self.age(exchange), size)
        if self.config.access_log:
            self._log_access(exchange, status, size)

    def client_left(self, exchange: Exchange) -> None:
        """
        The client of *exchange* has left, and nothing was sent to it. EAS logs that as 499.
        """
        if self.closed:
            return  # it is the host that leaves
        age = self.age(exchange)
        if exchange.head.counts:
            self.metrics.count(CLIENT_LEFT, age)
        self.diagnose_left(exchange, age)
        if self.config.access_log:
            self._log_access(exchange, CLIENT_LEFT, 0)

    def diagnose_left(self, exchange: Exchange, waited: float) -> None:
        """
        Say in the log that the client of *exchange* has left after it had *waited* so many seconds.
        """
        self.diagnosis.left(exchange.connection.peer, _request_line(exchange), waited)

    # -- workers

    def tell(self, message: dict[str, Any], worker: int | None = None) -> None:
        """
        Send *message* to one *worker*, or to all that are ready.
        """
        if self.workers is not None:
            self.workers.tell(message, worker)

    def on_message(self, worker: int, message: dict[str, Any]) -> None:
        """
        Take a *message* of a *worker*, or about its life: `ready`, `died`.
        """
        event = message["event"]
        if event == "property":
            source = Source.RUNNING if worker in self._loaded else Source.LOADING
            self.properties.put(message["name"], message["value"], source, message.get("origin"))
        elif event == "ready":
            self._loaded.add(worker)
            self._has_served = True
            self.properties.repeat()
            self.builtins.on_ready(worker)
        elif event == "died":
            self._loaded.discard(worker)
            self.builtins.on_death(worker)
        elif event == "threads":
            self.crew.set_threads(worker, message["count"])
        elif event == "injected":
            self.builtins.on_message(worker, message)
        elif event == "inject":
            self.builtins.on_message(worker, message)
            self.forget_heads()  # a path may have got another to answer it
        else:
            log.debug("worker %d: unknown message %r", worker, event)

    # -- what can change while the host runs

    def set_keepalive(self, milliseconds: int) -> None:
        """
        Give every exchange *milliseconds*, those under way too.
        """
        self.keepalive = milliseconds / 1000
        self.deadlines.change(self.keepalive)
        for connection in self.connections:
            connection.keepalive = self.keepalive

    def set_token(self, token: str | None) -> None:
        """
        Ask for *token* from now on; None asks for none.
        """
        self.auth.set_token(token)
        self.forget_heads()

    def set_decompressor(self, name: str | None) -> None:
        """
        Take bodies that do not say how they are packed to be packed as *name* says.
        """
        self.decompressor = name
        self.forget_heads()

    def set_rate(self, limit: int) -> None:
        """
        Let *limit* requests pass in a second; 0 sets no bound.
        """
        self.dispatcher.rate = RateLimit(limit, self.loop.time()) if limit else None

    def set_ready(self, ready: bool) -> None:
        """
        Serve requests, or refuse them: the program itself says that it is not ready.
        """
        self.dispatcher.paused = not ready

    def forget_heads(self) -> None:
        """
        What was decided about the heads that connections know is decided anew.
        """
        for connection in self.connections:
            connection.forget_head()

    # -- inside

    def _make_properties(self) -> Properties:
        properties = Properties(self.config, self.tell)
        properties.on("rpc.keepalive", self.set_keepalive)
        properties.on("rpc.max_queue_size", self.crew.set_queue, lambda: self.crew.queue)
        if self.ring.shape.threads <= self.config.worker_threads:
            properties.fix(
                "rpc.worker_threads",
                "its threads cannot change while it runs; start the host with another --worker-threads",
            )
        properties.on("rpc.rate_limit", self.set_rate)
        properties.on("rpc.decompressor", self.set_decompressor)
        properties.on("rpc.http.default_headers", self.heads.set_default_headers)
        properties.on("rpc.token", self.set_token)
        properties.on("model.ready", self.set_ready)
        return properties

    def _expire(self, exchange: Exchange) -> None:
        dispatcher = self.dispatcher
        milliseconds = self.keepalive * 1000
        # While a program loads for the first time behind an open port, waiting for it is what the time was spent on.
        lost = self._has_served and not dispatcher.worker_alive
        if exchange.slot >= 0 and lost and dispatcher.is_waiting(exchange):
            refusal = Refusal(503, "no healthy upstream: no worker became ready in time", close=True)
        else:
            refusal = Refusal(408, f"the request took longer than {milliseconds:.0f} ms (--keepalive)", close=True)
            self.diagnosis.late(_request_line(exchange), milliseconds)
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
        milliseconds = self.age(exchange) * 1000
        log.info('%s "%s" %d %d %.0fms', exchange.connection.peer, _request_line(exchange), status, size, milliseconds)


def _request_line(exchange: Exchange) -> str:
    """
    Method and target of *exchange*, fit to stand between quotes in a log; not with the token that an operator puts.
    """
    head = exchange.head
    target = head.url.decode("ascii", "backslashreplace").replace('"', "\\x22")
    if TOKEN in unquote(target):
        target = f"{target.partition('?')[0]}?{HIDDEN}"
    return f"{head.method.decode('ascii', 'replace') or '-'} {target or '-'}"


def _most_connections(workers: int) -> int:
    """
    How many connections leave enough descriptors to start a worker: clients must not be able to prevent that.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(1, soft - RESERVED_DESCRIPTORS - workers * RESERVED_PER_WORKER)
