"""
How often worker processes were started and have ended, over all versions that have served.
"""

from __future__ import annotations

from collections import Counter

from eas_host.dispatch.backend import Backend
from eas_host.front.service_state import ServiceState


class WorkerTotals:
    """
    Adds up what the backends of *state* count, and what those have counted that are gone.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._past_restarts = 0
        self._past_deaths: Counter[str] = Counter()

    def keep(self, backend: Backend) -> None:
        """
        Keep what *backend*, which is about to go, has counted.
        """
        self._past_restarts += backend.workers.restarts
        self._past_deaths += backend.workers.deaths

    @property
    def restarts(self) -> int:
        """
        How many worker processes were started in place of dead ones.
        """
        return self._past_restarts + sum(backend.workers.restarts for backend in self._state.backends)

    @property
    def deaths(self) -> Counter[str]:
        """
        How many worker processes have ended, by their causes.
        """
        return sum((backend.workers.deaths for backend in self._state.backends), self._past_deaths)
