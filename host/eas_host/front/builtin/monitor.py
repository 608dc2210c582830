"""
The host's counters, for people and scripts.
"""

from __future__ import annotations

from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin, as_json
from eas_host.front.builtin.load import LoadMeter, WorkerUsage
from eas_host.front.observe.metrics import Metrics
from eas_host.front.service_state import ServiceState


class Monitor(Builtin):
    """
    `monitor`: the host's counters as JSON. EAS documents the name only; the fields are our choice.

    Quantiles are estimated from the same histogram that `metrics` shows.
    """

    methods = READING

    def __init__(self, access: Access, state: ServiceState, metrics: Metrics, load: LoadMeter) -> None:
        super().__init__(access)
        self._state = state
        self._metrics = metrics
        self._load = load

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with the counters of this moment.
        """
        totals = self._metrics.totals()
        count = sum(totals.buckets)
        latency = {
            "mean": totals.seconds / count if count else None,
            "p50": totals.quantile(0.5),
            "p90": totals.quantile(0.9),
            "p99": totals.quantile(0.99),
        }
        load = self._load.read()
        backends = self._state.backends
        models = {backend.name: _model_counters(backend) for backend in backends.serving if backend.name is not None}
        return as_json(
            {
                "ready": backends.not_ready is None,
                "uptime_seconds": round(self._metrics.uptime, 3),
                "requests": {str(status): number for status, number in totals.requests.items()},
                "latency_ms": {name: _milliseconds(value) for name, value in latency.items()},
                "queue_length": load.waiting,
                "busy_workers": load.busy,
                "worker_threads": load.threads,
                "worker_restarts": load.restarts,
                "worker_deaths": load.deaths,
                "workers": [_usage(worker) for worker in self._load.worker_usages()],
                "connections": load.connections,
                "received_bytes": totals.received,
                "sent_bytes": totals.sent,
            }
            | ({"models": models} if models else {})
        )


def _model_counters(backend: Backend) -> dict[str, object]:
    """
    Return the counters that each model of a service has of its own.
    """
    waiting = backend.ring.waiting()
    return {
        "ready": backend.dispatcher.not_ready is None,
        "queue_length": waiting,
        "busy_workers": max(0, backend.dispatcher.in_flight - waiting),
        "worker_threads": backend.capacity.threads,
        "worker_restarts": backend.workers.restarts,
        "worker_deaths": dict(backend.workers.deaths),
    }


def _usage(worker: WorkerUsage) -> dict[str, object]:
    return {name: value for name, value in worker._asdict().items() if value is not None}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
