"""
How busy the host is at this moment.
"""

from __future__ import annotations

from typing import NamedTuple

from eas_host.front.open_connections import OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.worker_totals import WorkerTotals


class Load(NamedTuple):
    """
    Numbers of one moment.

    Attributes:
        waiting: requests that wait for a worker thread.
        busy: worker threads that run a request.
        threads: all worker threads.
        restarts: worker processes that were started in place of dead ones.
        deaths: worker processes that have died, by the cause.
        connections: open connections.
    """

    waiting: int
    busy: int
    threads: int
    restarts: int
    deaths: dict[str, int]
    connections: int


class LoadMeter:
    """
    Reads the load of the service that *state* has.
    """

    def __init__(self, state: ServiceState, connections: OpenConnections, totals: WorkerTotals) -> None:
        self._state = state
        self._connections = connections
        self._totals = totals

    def read(self) -> Load:
        """
        Read the load of this moment.
        """
        backends = self._state.backends.serving
        waiting = sum(backend.ring.waiting() for backend in backends)
        return Load(
            waiting=waiting,
            busy=max(0, sum(backend.dispatcher.in_flight for backend in backends) - waiting),
            threads=sum(backend.capacity.threads for backend in backends),
            restarts=self._totals.restarts,
            deaths=dict(self._totals.deaths),
            connections=len(self._connections),
        )
