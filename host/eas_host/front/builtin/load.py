"""
How busy the host is at this moment, and what its workers have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from eas_host.front.open_connections import OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.worker_totals import WorkerTotals
from eas_host.system import process_usage
from eas_host.system.memory import resident_bytes


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


class WorkerUsage(NamedTuple):
    """
    What the process of one worker has.

    Attributes:
        model: the model that it serves; None if the service has only one.
        worker: its number.
        pid: the process.
        resident_bytes: its memory, without the ring, which it shares with the front.
        descriptors: how many are open.
        threads: how many there are, those of libraries included.
    """

    model: str | None
    worker: int
    pid: int
    resident_bytes: int
    descriptors: int
    threads: int


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

    def worker_usages(self) -> Iterator[WorkerUsage]:
        """
        Read what each worker process of the version that serves has at this moment.
        """
        for backend in self._state.backends.serving:
            for worker, pid in sorted(backend.workers.pids.items()):
                usage, resident = process_usage.read(pid), resident_bytes(pid)
                if usage is not None and resident is not None:
                    yield WorkerUsage(backend.name, worker, pid, resident, usage.descriptors, usage.threads)
