"""
How busy the host is at this moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from eas_host.front.context import FrontContext


class Load(NamedTuple):
    """
    Requests that wait, and those that worker threads are busy with; all worker threads; worker processes that were
    started in place of dead ones, and how many have died, by the cause; open connections.
    """

    waiting: int
    busy: int
    threads: int
    restarts: int
    deaths: dict[str, int]
    connections: int


def load_of(front: FrontContext) -> Load:
    """
    Read the load of *front*.
    """
    backends = front.backends.serving
    waiting = sum(backend.ring.waiting() for backend in backends)
    return Load(
        waiting=waiting,
        busy=max(0, sum(backend.dispatcher.live for backend in backends) - waiting),
        threads=sum(backend.crew.threads for backend in backends),
        restarts=front.restarts,
        deaths=dict(front.deaths),
        connections=len(front.connections),
    )
