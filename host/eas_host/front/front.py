"""
Builds the front and holds its parts together. What each part does stands in its own file; nothing is decided here.

The version that serves is changed here, since every part has to do with it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from eas_host.config import HostConfig
from eas_host.dispatch.backend import Backend, BackendContext
from eas_host.dispatch.limits import DIRECT_SHARE
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.front.admission.access import Access
from eas_host.front.admission.admission import Admission
from eas_host.front.admission.cors import Cors
from eas_host.front.admission.host_names import Hosts
from eas_host.front.admission.preprocess import Preprocessor
from eas_host.front.admission.tokens import Auth
from eas_host.front.backends import Backends
from eas_host.front.builtin import Builtins
from eas_host.front.connection_limit import ConnectionLimit
from eas_host.front.deadlines import Deadlines
from eas_host.front.housekeeping import Housekeeping
from eas_host.front.http.connection import Connection
from eas_host.front.http.connection_context import ConnectionContext
from eas_host.front.http.error_details import FailureAnswers
from eas_host.front.http.response_head import ResponseHeadCache
from eas_host.front.limits import LAST_REQUESTS_SECONDS
from eas_host.front.listener import BACKLOG
from eas_host.front.observe.failure_log import FailureLog
from eas_host.front.observe.growth_log import GrowthLog
from eas_host.front.observe.metrics import Metrics
from eas_host.front.observe.observer import Observer
from eas_host.front.observe.recent_failures import RecentFailures
from eas_host.front.observe.request_log import RequestLog
from eas_host.front.observe.status_log import StatusLog
from eas_host.front.observe.throttled_log import ThrottledLog
from eas_host.front.open_connections import OpenConnections
from eas_host.front.plane.acceptor import Acceptor
from eas_host.front.plane.plane import Plane
from eas_host.front.router import Router
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties
from eas_host.front.settings.readiness import Readiness
from eas_host.front.settings.settings import Settings
from eas_host.front.settings.token_renewal import TokenRenewal
from eas_host.front.worker_events import WorkerEvents
from eas_host.front.worker_totals import WorkerTotals
from eas_host.reply import Statuses


class Front:
    """
    The front of one host. *stop* is called when a client asks the host to stop.

    Attributes:
        state: the service as it is now.
        auth: knows the token.
        budget: bounds the memory that clients make the host hold.
        router: takes requests to their processor.
        builtins: answer in place of the processor.
        backend_context: what a new backend needs of the front.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, config: HostConfig, stop: Callable[[], None]) -> None:
        self.state = state = ServiceState(loop, config)
        self.budget = budget = MemoryBudget(loop.time, config.memory_budget, config.max_body)
        self.router = router = Router(state)
        self._connections = connections = OpenConnections(loop)
        self._plane = plane = Plane(loop, budget.size // DIRECT_SHARE)

        # Who may ask, and by what name
        self.auth = auth = Auth(config.token)
        hosts = Hosts(config.listen.host, config.allow_host)
        cors = Cors(config.cors)
        throttled_log = ThrottledLog(loop)

        # What is counted and logged
        self._metrics = metrics = Metrics()
        request_log = RequestLog(auth)
        failures = RecentFailures()
        failure_log = FailureLog(loop, state.send_to_workers, failures)
        self._status_log = status_log = StatusLog(loop)
        statuses = Statuses(status_log.unrecognised)
        self._observer = observer = Observer(state, metrics, request_log, failure_log)
        self._totals = totals = WorkerTotals(state)

        # What may change
        self._heads = heads = ResponseHeadCache(config.content_type, cors.vary, plane)
        self._deadlines = deadlines = Deadlines(loop, state.keepalive, observer.time_out, plane.recall)
        plane.adopt = deadlines.adopt
        readiness = Readiness(state)
        properties = Properties(config, state.send_to_workers)
        self._settings = Settings(
            state,
            properties,
            connections=connections,
            deadlines=deadlines,
            heads=heads,
            readiness=readiness,
        )
        token_renewal = TokenRenewal(config.token_file, auth, properties, connections)

        # Who answers
        self.builtins = builtins = Builtins(
            state,
            Access(auth, hosts, cors, throttled_log, self._answer_types),
            budget=budget,
            router=router,
            connections=connections,
            metrics=metrics,
            totals=totals,
            properties=properties,
            failures=failures,
            request_log=request_log,
            statuses=statuses,
            stop=stop,
        )
        self._preprocessor = preprocessor = Preprocessor(state, router, budget)
        events = WorkerEvents(state, properties, readiness, builtins, connections)
        self.backend_context = BackendContext(
            loop,
            plane,
            budget,
            events.receive,
            failure_log.full,
            FailureAnswers(state, failures, request_log.line).send,
            failures.add,
            statuses,
            request_log.line,
        )
        self._growth_log = growth_log = GrowthLog(state)
        self._housekeeping = Housekeeping(state, connections, heads, budget, growth_log, token_renewal)
        self._context = ConnectionContext(
            state,
            Admission(state, budget, builtins, auth, hosts, cors),
            preprocessor,
            router,
            deadlines,
            heads,
            cors.vary,
            observer,
            budget,
            connections,
            ConnectionLimit(connections, config.worker_processes),
            throttled_log,
        )

    async def accept(self, sock: socket.socket) -> Acceptor | asyncio.AbstractServer:
        """
        Begin to accept clients on *sock*, which listens, until what is returned is closed.
        """
        loop = self.state.loop
        if self.state.config.data_plane == "uvloop":
            return await loop.create_server(self._make_connection, sock=sock, backlog=BACKLOG)
        return Acceptor(loop, sock, lambda client: self._plane.add(client, self._make_connection()))

    def serve(self, name: str, config: HostConfig, backends: Sequence[Backend]) -> None:
        """
        Let *backends* answer from here on, under the service's *name* and with the options *config*; those that did so
        until now finish what they have. Nothing here waits, so no request sees a state in between.
        """
        state = self.state
        retired = state.backends.serving
        serving = Backends(name, backends)
        serving.retired = [*state.backends.retired, *retired]
        state.name = name
        state.config = config
        state.backends = serving
        for backend in retired:
            backend.retire()
            self.builtins.on_retired(backend)
        state.answers_are_plain = not (state.draining or config.access_log or config.explain)
        self._settings.reset(backends)
        for backend in backends:
            self._metrics.add(backend.ring)
            backend.join()
        self._growth_log.look()
        self._connections.invalidate_head_caches()
        self._plane.allow(allowed=state.answers_are_plain and config.data_plane == "native")

    def release(self, backend: Backend) -> None:
        """
        Forget *backend*, which was retired and has finished: nothing is under way in it, and its workers are gone. What
        it has counted is kept.
        """
        self.state.backends.retired.remove(backend)
        self._metrics.retire(backend.ring)
        self._totals.keep(backend)

    def begin_drain(self) -> None:
        """
        Have each response say that its connection closes, and end those that would go on.
        """
        self.state.draining = True
        self.state.answers_are_plain = False
        self._plane.allow(allowed=False)
        self.builtins.end_streams()

    async def drain(self) -> None:
        """
        After `begin_drain`: let the exchanges under way finish, close idle connections, and return when all are gone.
        """
        await self._connections.drain(min(LAST_REQUESTS_SECONDS, self.state.config.grace_period / 2))

    def _answer_types(self) -> tuple[str | None, ...]:
        """
        Return the content types of the processor's answers, of those of its injected handlers, and of the files that
        the service brings along, None for any.
        """
        config = self.state.config
        return (self._heads.content_type, config.content_type, *(() if config.static is None else (None,)))

    def _make_connection(self) -> Connection:
        return Connection(self._context)

    def close(self) -> None:
        """
        Stop all timers and threads of the front, and close the connections that are still open.
        """
        self._housekeeping.close()
        self._deadlines.close()
        self._preprocessor.close()
        self._observer.close()
        self._status_log.close()
        self._connections.abort()
        self._plane.close()
