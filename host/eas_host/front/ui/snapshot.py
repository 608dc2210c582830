"""
What an update of the page says: the counters and the load of one moment.

The page makes rates of the counters itself, so the host remembers nothing from one update to the next. Properties and
failures may be large and change seldom: an update has a mark of them, and the page asks for them when that is another.
"""

from __future__ import annotations

import json
from typing import Final

import eas_host
from eas_host.dispatch.backend import Backend
from eas_host.front.ui.sources import UiSources
from eas_host.ring import LATENCY_BOUNDS

_MASK: Final = 2**64 - 1


class Snapshot:
    """
    Reads what *sources* have.
    """

    def __init__(self, sources: UiSources) -> None:
        self._state, self._metrics, self._load, self._properties, self._failures = sources

    def as_json(self) -> bytes:
        """
        Return the update of this moment, in one line.
        """
        state = self._state
        backends = state.backends
        totals = self._metrics.totals()
        load = self._load.read()
        serving = zip(backends.serving, backends.paths(), strict=True)
        properties = hash(tuple(self._properties.shown().items())) & _MASK
        return json.dumps(
            {
                "service": state.name,
                "version": eas_host.__version__,
                "processor": state.config.entry,
                "model": state.config.model_entry,
                "not_ready": backends.not_ready,
                "uptime": round(self._metrics.uptime, 3),
                "requests": totals.requests,
                "buckets": totals.buckets,
                "bounds": LATENCY_BOUNDS,
                "seconds": totals.seconds,
                "waiting": load.waiting,
                "busy": load.busy,
                "threads": load.threads,
                "restarts": load.restarts,
                "deaths": load.deaths,
                "connections": load.connections,
                "models": [_model(backend, path) for backend, path in serving],
                "workers": [usage._asdict() for usage in self._load.worker_usages()],
                "properties": f"{properties:x}",
                "failures": self._failures.total,
            }
        ).encode()


def _model(backend: Backend, path: str) -> dict[str, object]:
    return {
        "name": backend.name,
        "path": path,
        "not_ready": backend.dispatcher.not_ready,
        "waiting": backend.ring.waiting(),
        "room": backend.capacity.queue,
    }
