"""
An open loop: requests are sent at a fixed rate, whatever becomes of those before.

The time of a request counts from when it should have been sent. So while a service stands still, every request that
clients would have sent meanwhile shows how long they would have waited: no coordinated omission.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from eas_host.load.connection import ServiceConnection
from eas_host.load.driver import Course, Driver
from eas_host.load.measurement import Measurement
from eas_host.system.pacer import Pacer

MOST_CONNECTIONS: Final = 512
"""A request that finds all of them busy waits for one, and its time counts: a service that is so far behind does not
get faster by more of them."""
_FIRST_CONNECTIONS: Final = 8
"""Opened before the first request, so that few requests wait for that."""


class OpenLoop(Driver):
    """
    Sends *rate* requests a second, over *most* connections at most.
    """

    def __init__(self, course: Course, rate: float, most: int = MOST_CONNECTIONS) -> None:
        super().__init__(course, Measurement(rate=rate))
        self._rate = rate
        self._most = most
        self._left = max(1, round(rate * course.seconds))
        self._free: list[ServiceConnection] = []
        self._due: deque[float] = deque()
        """When the requests should have been sent that wait for a connection."""
        self._start = 0.0
        self._pacer = Pacer()

    async def measure(self) -> Measurement:
        """
        Measure the step.

        Raises:
            OSError: there is no connection.
        """
        try:
            return await self.run(min(_FIRST_CONNECTIONS, self._most))
        finally:
            self._loop.remove_reader(self._pacer.fd)
            self._pacer.close()

    def _begin(self, start: float) -> None:
        self._free = list(self._connections)
        self._start = start
        self._pacer.start(start, 1 / self._rate)
        self._loop.add_reader(self._pacer.fd, self._on_due)

    def _on_due(self) -> None:
        for _ in range(min(self._pacer.take(), self._left)):
            # From the schedule, not from the clock: the timer may be late, and clients would not be.
            due = self._start + self._record.sent / self._rate
            self._record.sent += 1
            self._left -= 1
            self._due.append(due)
            if self._free:
                self._use(self._free.pop())
            elif len(self._connections) + len(self._connecting) < self._most:
                self._open_another()
        if not self._left:
            self._loop.remove_reader(self._pacer.fd)
            self._end()

    def _use(self, connection: ServiceConnection) -> None:
        if not self._due:
            self._free.append(connection)
        elif connection.usable:
            self._send(connection, self._due.popleft())

    def _waiting(self) -> int:
        return len(self._due)

    def _forget(self, connection: ServiceConnection) -> None:
        if connection in self._free:
            self._free.remove(connection)
        if self._due:
            self._open_another()

    def _on_refused(self) -> None:
        """
        Go on: the requests that are due still wait for a connection.
        """
