"""
What all connections of a host share.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eas_host import log
from eas_host.config import HostConfig
from eas_host.front.auth import Auth
from eas_host.front.backend import Backend, Peer
from eas_host.front.backends import Backends
from eas_host.front.budget import Budget
from eas_host.front.builtin import Builtins
from eas_host.front.cors import Cors
from eas_host.front.crowd import Crowd
from eas_host.front.deadlines import Deadlines
from eas_host.front.diagnosis import Diagnosis
from eas_host.front.exchange import Exchange, Refusal
from eas_host.front.hosts import Hosts
from eas_host.front.intake import Intake
from eas_host.front.limits import LAST_REQUESTS_SECONDS
from eas_host.front.metrics import Metrics
from eas_host.front.properties import Properties, Source
from eas_host.front.rate import RateLimit
from eas_host.front.readiness import READY, Readiness
from eas_host.front.request_log import RequestLog
from eas_host.front.sweep import Stalled, Sweeper
from eas_host.front.throttled_log import ThrottledLog
from eas_host.front.wire import Heads
from eas_host.reply import ACCEPTED, CLIENT_LEFT

if TYPE_CHECKING:
    from eas_host.front.builtin.call import Nobody
    from eas_host.front.connection import Connection


class FrontContext:
    """
    The front's shared state.

    Attributes:
        backends: whose processors answer.
        keepalive: seconds that one exchange may take.
        budget: bounds what clients make the host hold.
        connections: all that are open.
        told: the requests under way that nobody waits for (`/api/builtin/tell`).
        crowd: bounds how many there are.
        stalled: those whose clients do not read, as the last sweep saw them (`front.sweep`).
        draining: whether the host is stopping: each answer closes its connection.
        closed: whether what is still open is being reset.
        plain: whether answers need nothing special: the host is not stopping, and there is no access log.
        decompressor: how bodies are packed that do not say it themselves (`rpc.decompressor`).
        name: the service's name.
        on_term: called when a client asks the host to stop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig) -> None:
        self.loop = loop
        self.config = config
        self.backends = Backends()
        self.keepalive = config.keepalive / 1000
        self.budget = Budget(loop.time, config.memory_budget, config.max_body)
        self.max_body = self.budget.max_body
        self.decompressor: str | None = config.decompressor
        self.auth = Auth(config.token)
        self.hosts = Hosts(config.listen.host, config.allow_host)
        self.cors = Cors(config.cors)
        self.throttled_log = ThrottledLog(loop)
        self.request_log = RequestLog(self.auth)
        self.metrics = Metrics()
        self.builtins = Builtins(self)
        self.intake = Intake(self)
        self.diagnosis = Diagnosis(loop, self.tell)
        self.heads = Heads(config.content_type, self.cors.vary)
        self.deadlines = Deadlines(loop, self.keepalive, self._expire)
        self.connections: set[Connection] = set()
        self.told: set[Nobody] = set()
        self.crowd = Crowd(self, config.worker_processes)
        self.stalled: dict[Connection, Stalled] = {}
        self.draining = False
        self.closed = False
        self.plain = not config.access_log
        self.name = ""
        self.on_term: Callable[[], None] = lambda: None
        self._loaded: set[Peer] = set()  # workers whose programs are ready
        self._has_served = False  # one of them has been
        self._past_restarts = 0
        self._past_deaths: Counter[str] = Counter()
        self.readiness = Readiness(self)
        self.properties = self._make_properties()
        self._rate: RateLimit | None = None  # of the whole service
        self._drained: asyncio.Future[None] | None = None
        self._sweeper = Sweeper(self)

    async def drain(self) -> None:
        """
        Let the exchanges under way finish, close idle connections, and return when all are gone.
        """
        self.draining = True
        self.plain = False
        drained = self._drained = self.loop.create_future()
        self.check_drained()
        # Each answer closes its connection from here on. Only those that have none to wait for are closed unasked.
        await asyncio.wait([drained], timeout=min(LAST_REQUESTS_SECONDS, self.config.grace_period / 2))
        for connection in list(self.connections):
            connection.close_if_at_rest()
        await drained

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
        self._sweeper.close()
        self.deadlines.close()
        self.intake.close()
        self.closed = True
        for connection in list(self.connections):
            connection.transport.abort()

    # -- versions

    def serve(self, name: str, config: HostConfig, backends: Sequence[Backend]) -> None:
        """
        Let *backends* answer from here on, under the service's *name*; those that did so until now finish what they
        have. Nothing of it waits, so no request meets anything in between.
        """
        retired = self.backends.serving
        self.name = name
        self.config = config
        serving = Backends(name, backends)
        serving.retired = [*self.backends.retired, *retired]
        self.backends = serving
        for backend in retired:
            backend.retire()
            self.builtins.on_retired(backend)
        self.plain = not (self.draining or config.access_log)
        self.properties.renew(config)
        if any(backend.ring.shape.threads <= config.worker_threads for backend in backends):
            why = "its threads cannot change while it runs; start the host with another --worker-threads"
            self.properties.fix("rpc.worker_threads", why)
        for backend in backends:
            self.metrics.add(backend.ring)
            backend.join()
        self.forget_heads()

    def release(self, backend: Backend) -> None:
        """
        *backend*, which was retired, has finished: nothing is under way in it, and its workers are gone.
        """
        self.backends.retired.remove(backend)
        self.metrics.retire(backend.ring)
        self._past_restarts += backend.workers.restarts
        self._past_deaths += backend.workers.deaths

    @property
    def restarts(self) -> int:
        """
        How many worker processes were started in place of dead ones.
        """
        return self._past_restarts + sum(backend.workers.restarts for backend in self.backends)

    @property
    def deaths(self) -> Counter[str]:
        """
        How many worker processes have ended, by their causes.
        """
        return sum((backend.workers.deaths for backend in self.backends), self._past_deaths)

    @property
    def not_ready(self) -> str | None:
        """
        Why the service takes no requests now; None if it does.
        """
        for backend in self.backends.serving:
            if not backend.dispatcher.ready:
                return f"{backend.where}{backend.dispatcher.reason}"
            if backend.dispatcher.paused:
                return f"{backend.where}{READY} is 0"
        return None

    # -- exchanges

    def submit(self, exchange: Exchange) -> Refusal | None:
        """
        Submit *exchange*, whose request took a while to arrive. Returns a refusal if that is not possible now.
        """
        if exchange.head.backend.retired:
            refusal = self._move(exchange)
            if refusal is not None:
                return refusal
        backend = exchange.head.backend
        refusal = backend.dispatcher.submit(exchange)
        if refusal is None:
            backend.ring.backdate(exchange.slot, int(self.age(exchange) * 1e9))
        return refusal

    def submit_waiting(self, backend: Backend) -> None:
        """
        Have the version that serves answer what still waits for *backend*, which has served and ends.
        """
        for exchange in backend.dispatcher.take_waiting():
            refusal = self.submit(exchange)
            if refusal is not None:
                exchange.connection.refuse(exchange, refusal)

    def abandon(self, exchange: Exchange) -> None:
        """
        Nobody waits for *exchange* any more.
        """
        if exchange.slot >= 0:
            exchange.head.backend.dispatcher.abandon(exchange)

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
            self.request_log.access(exchange, status, size, self.age(exchange))

    def said(self, exchange: Exchange, status: int, size: int) -> None:
        """
        An answer of the host itself to *exchange* was sent. Those of the processor are counted in the ring; and so is
        the request that `tell` has accepted.
        """
        if exchange.head.counts and status != ACCEPTED:
            self.metrics.count(status, self.age(exchange), size)
        if self.config.access_log:
            self.request_log.access(exchange, status, size, self.age(exchange))

    def client_left(self, exchange: Exchange) -> None:
        """
        The client of *exchange* has left, and nothing was sent to it. EAS logs that as 499
        (docs/eas-compatibility.md, section 4.2).
        """
        if self.closed:
            return  # it is the host that leaves
        age = self.age(exchange)
        if exchange.head.counts:
            self.metrics.count(CLIENT_LEFT, age)
        self.diagnose_left(exchange, age)
        if self.config.access_log:
            self.request_log.access(exchange, CLIENT_LEFT, 0, age)

    def diagnose_left(self, exchange: Exchange, waited: float) -> None:
        """
        Say in the log that the client of *exchange* has left after it had *waited* so many seconds.
        """
        self.diagnosis.left(exchange.connection.peer, self.request_log.line(exchange), waited)

    # -- workers

    def tell(self, message: dict[str, Any], worker: Peer | None = None) -> None:
        """
        Send *message* to one *worker*, or to all that are ready.
        """
        if worker is not None:
            worker.backend.workers.tell(message, worker.number)
            return
        for backend in self.backends.serving:
            backend.workers.tell(message)

    def on_message(self, worker: Peer, message: dict[str, Any]) -> None:
        """
        Take a *message* of a *worker*, or about its life: `ready`, `died`.
        """
        event = message["event"]
        if worker.backend.retired and event in ("property", "inject"):
            return  # it speaks for a version that serves no more
        if event == "property":
            source = Source.RUNNING if worker in self._loaded else Source.LOADING
            if message["name"] == READY and worker.backend.name is not None:
                self.readiness.put(worker, message, source)
            else:
                self.properties.put(message["name"], message["value"], source, message.get("origin"))
        elif event == "ready":
            self._loaded.add(worker)
            self._has_served = True
            self.properties.repeat()
            self.readiness.repeat()
            self.builtins.on_ready(worker)
        elif event == "died":
            self._loaded.discard(worker)
            self.builtins.on_death(worker)
        elif event == "injected":
            self.builtins.on_message(worker, message)
        elif event == "inject":
            self.builtins.on_message(worker, message)
            self.forget_heads()  # a path may have got another to answer it
        else:
            log.debug("worker %d: unknown message %r", worker.number, event)

    # -- what can change while the host runs

    def set_keepalive(self, milliseconds: int) -> None:
        """
        Give every exchange *milliseconds*, those under way too.
        """
        longer = milliseconds / 1000 - self.keepalive
        self.keepalive = milliseconds / 1000
        self.deadlines.change(self.keepalive)
        for connection in self.connections:
            connection.keepalive = self.keepalive
            connection.used += longer

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
        self._rate = RateLimit(limit, self.loop.time()) if limit else None
        for backend in self.backends.serving:
            backend.dispatcher.rate = self._rate

    def set_queue(self, size: int) -> None:
        """
        Let *size* requests wait for each processor.
        """
        for backend in self.backends.serving:
            backend.crew.set_queue(size)

    def forget_heads(self) -> None:
        """
        What was decided about the heads that connections know is decided anew.
        """
        for connection in self.connections:
            connection.forget_head()

    # -- inside

    def _move(self, exchange: Exchange) -> Refusal | None:
        """
        Have *exchange*, which arrived for a version that serves no more, answered by the one that does.
        """
        heir = self.backends.heir(exchange.head)
        if isinstance(heir, Refusal):
            return heir
        if exchange.upload is not None:
            exchange.body = exchange.take_body()  # it lies in the ring of the old version
        exchange.head.backend = heir
        return None

    def _make_properties(self) -> Properties:
        properties = Properties(self.config, self.tell)
        properties.on("rpc.keepalive", self.set_keepalive)
        properties.on("rpc.max_queue_size", self.set_queue, lambda: self.backends.first.crew.queue)
        properties.on("rpc.rate_limit", self.set_rate)
        properties.on("rpc.decompressor", self.set_decompressor)
        properties.on("rpc.http.default_headers", self.heads.set_default_headers)
        properties.on("rpc.token", self.set_token)
        properties.on(READY, self.readiness.set_all, lambda: self.readiness.in_force)
        return properties

    def _expire(self, exchange: Exchange) -> None:
        dispatcher = exchange.head.backend.dispatcher
        milliseconds = self.keepalive * 1000
        # While a program loads for the first time behind an open port, waiting for it is what the time was spent on.
        lost = self._has_served and not dispatcher.worker_alive
        if exchange.slot >= 0 and lost and dispatcher.is_waiting(exchange):
            text = "no healthy upstream: no worker became ready in time"
            refusal = Refusal(503, text, close=True, extra=dispatcher.retry_after())
        else:
            refusal = Refusal(408, f"the request took longer than {milliseconds:.0f} ms (--keepalive)", close=True)
            self.diagnosis.late(self.request_log.line(exchange), milliseconds)
        exchange.connection.expire(exchange, refusal)
