"""
Looks at the memory of one worker process after each of its first requests, at moments when nothing runs: what it has
more than at the last such moment is what the requests in between have left behind.

A processor that is tried by hand, or by `eas-host invoke -n 30`, gets no more than a few dozen requests, and `trend`
needs a thousand of them to be sure. The looks end after these few: a service pays nothing for them later on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eas_host.dispatch.backend import Backend
from eas_host.front.observe.trend import Growth, Point, find_steep_growth
from eas_host.system import process_usage

_REQUESTS: Final = 24
"""So many in a row must have left something behind."""
_PER_THREAD: Final = 2
"""And as many for each thread: a library may take much for each thread at its first request."""
_WARM_UP: Final = 40
"""How many requests there may be before these."""
_ALL_REQUESTS: Final = 1000
"""After so many to all workers of the processor, this one has had its share."""


class FirstRequests:
    """
    Watches process *pid*, worker *number* of *backend*, and calls *on_growth*, at most once, with the growth that it
    has seen.
    """

    def __init__(self, backend: Backend, number: int, pid: int, on_growth: Callable[[Growth], None]) -> None:
        self._backend = backend
        self._number = number
        self._pid = pid
        self._on_growth = on_growth
        self._before = backend.ring.completed(number)
        self._all_before = backend.dispatcher.completed
        self._points: list[Point] = []
        backend.dispatcher.completion_signal.watch(self._look)

    def close(self) -> None:
        """
        Look no more.
        """
        self._backend.dispatcher.completion_signal.unwatch(self._look)

    def _look(self) -> None:
        dispatcher = self._backend.dispatcher
        requests = self._backend.ring.completed(self._number) - self._before
        needed = max(_REQUESTS, _PER_THREAD * self._backend.capacity.threads_of(self._number))
        if requests > _WARM_UP + needed or dispatcher.completed - self._all_before > _ALL_REQUESTS:
            self.close()
            return
        if not dispatcher.idle or (self._points and self._points[-1][0] == requests):
            return
        self._points.append((requests, process_usage.memory(self._pid)))
        growth = find_steep_growth(self._points, needed)
        if growth is not None:
            self.close()
            self._on_growth(growth)
