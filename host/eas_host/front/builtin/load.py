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
    started in place of dead ones; open connections.
    """

    waiting: int
    busy: int
    threads: int
    restarts: int
    connections: int


def load_of(front: FrontContext) -> Load:
    """
    Read the load of *front*.
    """
    waiting = front.ring.waiting()
    return Load(
        waiting=waiting,
        busy=max(0, front.dispatcher.live - waiting),
        threads=front.crew.threads,
        restarts=front.workers.restarts if front.workers is not None else 0,
        connections=len(front.connections),
    )
