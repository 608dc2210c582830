"""
What the host answers itself, in place of the processor. Most names are EAS's (docs/eas-compatibility.md, section 4.5).

One small file for each handler, or for two that are alike; `handler` has what most of them share. `Builtins` lists
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from eas_host import answers, log
from eas_host.dispatch.backend import Backend, WorkerId
from eas_host.dispatch.exchange import Handler
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.access import Access
from eas_host.front.builtin.call import Call, Tell
from eas_host.front.builtin.discovery import PREFIXES, Discovery
from eas_host.front.builtin.eastool import Eastool
from eas_host.front.builtin.injected import Injected
from eas_host.front.builtin.load import LoadMeter
from eas_host.front.builtin.metrics import PrometheusMetrics
from eas_host.front.builtin.monitor import Monitor
from eas_host.front.builtin.ping import Ping
from eas_host.front.builtin.prop import Prop
from eas_host.front.builtin.realtime_metrics import RealtimeMetrics
from eas_host.front.builtin.static import PREFIX as STATIC
from eas_host.front.builtin.static import Static
from eas_host.front.builtin.term import Term
from eas_host.front.builtin.user_metrics import UserMetrics
from eas_host.front.observe.metrics import Metrics
from eas_host.front.observe.recent_failures import RecentFailures
from eas_host.front.observe.request_log import RequestLog
from eas_host.front.open_connections import OpenConnections
from eas_host.front.router import Router
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties
from eas_host.front.ui.entry import PREFIX as UI
from eas_host.front.ui.entry import UiEntry
from eas_host.front.ui.sources import UiSources
from eas_host.front.worker_totals import WorkerTotals
from eas_host.reply import Statuses
from eas_runtime.messages import HandlerAnswered, HandlerInjected

_BUILTIN: Final = b"/api/builtin"
_PREFIX: Final = _BUILTIN + b"/"


class Builtins:
    """
    All handlers of one host.

    Args:
        state: the service.
        access: who may ask.
        budget: knows the largest body.
        router: takes requests to their processor.
        connections: all that are open.
        metrics: what was counted.
        totals: how often workers were started.
        properties: the settings that may change.
        failures: the last ones.
        request_log: how requests look in a log.
        statuses: has the HTTP status of each code that an injected handler may return.
        stop: stops the host.
    """

    def __init__(  # noqa: PLR0913  each handler shows something else
        self,
        state: ServiceState,
        access: Access,
        *,
        budget: MemoryBudget,
        router: Router,
        connections: OpenConnections,
        metrics: Metrics,
        totals: WorkerTotals,
        properties: Properties,
        failures: RecentFailures,
        request_log: RequestLog,
        statuses: Statuses,
        stop: Callable[[], None],
    ) -> None:
        self._state = state
        self._injected = Injected(access, state, statuses)
        self._discovery = Discovery()
        static = state.config.static
        self._static = Static(access, static) if static is not None else None
        user_metrics = UserMetrics()
        load = LoadMeter(state, connections, totals)
        self._ui = UiEntry(access, UiSources(state, metrics, load, properties, failures))
        self._handlers: dict[bytes, Handler] = {
            b"call": Call(access, router, budget.max_body),
            b"eastool": Eastool(access, state, metrics, properties, load, request_log),
            b"metrics": PrometheusMetrics(access, metrics, load, user_metrics),
            b"monitor": Monitor(access, state, metrics, load),
            b"ping": Ping(access, state),
            b"prop": Prop(access, properties),
            b"realtime_metrics": RealtimeMetrics(access, user_metrics),
            b"tell": Tell(access, router, budget.max_body, connections),
            b"term": Term(access, state.loop, stop),
            b"ui": self._ui,
        }

    def find(self, path: bytes) -> Handler | ErrorResponse | None:
        """
        Find what answers requests to *path*: a handler, an error response if nothing does, or None: the processor.
        """
        if path.startswith(PREFIXES):
            return self._discover(path)
        if path.startswith(STATIC) and self._static is not None:
            return self._static
        if path.startswith(UI):
            return self._ui.find(path[len(UI) :])
        if path.startswith(_PREFIX) or path == _BUILTIN:
            handler = self._handlers.get(path[len(_PREFIX) :]) or self._injected.find(path)
            return handler or self._unknown(path)
        return self._injected.find(path)

    def on_message(self, worker: WorkerId, message: HandlerInjected | HandlerAnswered) -> None:
        """
        Handle a *message* of *worker* about its injected handlers.
        """
        if isinstance(message, HandlerAnswered):
            self._injected.answered(worker, message.id, message.status, message.body)
            return
        path = message.path
        if path.removeprefix(_PREFIX.decode()).encode() in self._handlers or path.startswith(UI.decode()):
            log.warning("worker %d: %s cannot be injected: the host answers it itself", worker.number, path)
            return
        self._injected.inject(worker, path, message.token)

    def on_ready(self, worker: WorkerId) -> None:
        """
        *worker* takes messages from now on.
        """
        self._injected.worker_ready(worker)

    def on_death(self, worker: WorkerId) -> None:
        """
        *worker* is gone, and its injected handlers with it.
        """
        self._injected.worker_died(worker)

    def on_retired(self, backend: Backend) -> None:
        """
        Another version takes over from *backend*: its workers get no requests any more, but answer those they have.
        """
        self._injected.retired(backend)

    def end_streams(self) -> None:
        """
        End the answers that would go on for as long as the host runs: it stops.
        """
        self._ui.end_streams()

    def busy(self, backend: Backend) -> bool:
        """
        Tell whether somebody waits for an injected handler of *backend*.
        """
        return self._injected.busy(backend)

    def _discover(self, path: bytes) -> Handler | ErrorResponse:
        name = unquote(path.rpartition(b"/")[2].decode("ascii", "replace"))
        if name == self._state.name:
            return self._discovery
        text = f"there is no service {name!r} here; this host serves {self._state.name!r}"
        return ErrorResponse(answers.NO_SUCH_PATH, text)

    def _unknown(self, path: bytes) -> ErrorResponse:
        known = ", ".join(name.decode() for name in sorted(self._handlers))
        return ErrorResponse(
            answers.NO_SUCH_PATH,
            f"there is no builtin handler at {path.decode('ascii', 'replace')}; there are: {known}",
        )
