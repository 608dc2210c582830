"""
Which connection is closed when there are as many as the system lets the host have, and one more comes.

Connections that do nothing must not keep the newcomer out. So one that can be spared is closed for it: the one that has
been idle for longest; if none is idle, one that has got its last answer and only has to end; then the one whose request
has been arriving for longest; then one whose client does not read. Requests that wait or run are never given up: if all
connections have one, the newcomer is reset.
"""

from __future__ import annotations

import resource
import time
from collections import deque
from typing import Final

from eas_host import log
from eas_host.front.limits import RESERVED_DESCRIPTORS, RESERVED_PER_WORKER
from eas_host.front.open_connections import OpenConnection, OpenConnections, Use

_LOG_SECONDS: Final = 10.0


class ConnectionLimit:
    """
    Bounds the *connections*, so that *workers* worker processes can be started and replaced beside them.

    Attributes:
        most: how many connections there may be; the rest of the file descriptors is for the host and its workers.
    """

    def __init__(self, connections: OpenConnections, workers: int) -> None:
        self.most = _most_connections(workers)
        self._connections = connections
        self._spare: deque[tuple[Use, float, OpenConnection]] = deque()  # in the order in which they are closed
        self._look_again = 0.0
        self._next_log = 0.0
        self._closed = 0

    def enter(self, newcomer: OpenConnection) -> bool:
        """
        Add *newcomer*, and close another for it if there are too many. Returns whether it may stay.
        """
        connections = self._connections
        if len(connections) < self.most:
            connections.add(newcomer)
            return True
        now = time.monotonic()  # the loop's own clock stands still during a turn of the loop
        spared = self._spare_one(now)
        self._report(now)
        if spared is None:
            return False
        connections.add(newcomer)
        connections.discard(spared)  # `connection_lost` is called only in the next turn of the loop
        return True

    # -- inside

    def _spare_one(self, now: float) -> OpenConnection | None:
        """
        Close the connection that can best be spared, and return it; None if none can. To look at all takes long where
        there are thousands, so one look serves several newcomers.
        """
        if now >= self._look_again:
            self._look(now)
        while self._spare:
            use, since, connection = self._spare.popleft()
            if connection in self._connections and (use, since) == connection.use:
                if use is Use.IDLE:
                    connection.close_if_idle()
                else:
                    connection.reset()
                self._closed += 1
                if not self._spare:
                    self._look_again = now  # there may be others by now
                return connection
        return None

    def _look(self, now: float) -> None:
        seen = sorted(((*connection.use, connection) for connection in self._connections), key=lambda one: one[:2])
        self._spare = deque(one for one in seen if one[0] is not Use.BUSY)
        ended = time.monotonic()
        self._look_again = ended + (ended - now)  # so looking takes half of the loop's time at most

    def _report(self, now: float) -> None:
        if now < self._next_log:
            return
        self._next_log = now + _LOG_SECONDS
        log.warning(
            "there are %d connections, as many as the limit of open files allows (ulimit -n);"
            " each new one closes the one that has been idle for longest; %d were closed since the last such line",
            self.most,
            self._closed,
        )
        self._closed = 0


def _most_connections(workers: int) -> int:
    """
    Return how many connections leave enough file descriptors to start *workers* worker processes: clients must not be
    able to prevent that.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    return max(1, soft - RESERVED_DESCRIPTORS - workers * RESERVED_PER_WORKER)
