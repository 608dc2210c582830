"""
A closed loop: each of N clients sends its next request when its last one is answered.

That shows how much a service can do. It does not show how long clients wait who do not wait for one another: while the
service is slow, this loop sends less.
"""

from __future__ import annotations

import time

from eas_host.load.connection import ServiceConnection
from eas_host.load.driver import Course, Driver
from eas_host.load.measurement import Measurement


class ClosedLoop(Driver):
    """
    Keeps *concurrency* requests under way.
    """

    def __init__(self, course: Course, concurrency: int) -> None:
        super().__init__(course, Measurement(concurrency=concurrency))
        self._concurrency = concurrency

    async def measure(self) -> Measurement:
        """
        Measure the step.

        Raises:
            OSError: there is no connection.
        """
        return await self.run(self._concurrency)

    def _begin(self, start: float) -> None:
        self._loop.call_later(self._course.seconds, self._end)
        for connection in self._connections.copy():
            self._use(connection)

    def _use(self, connection: ServiceConnection) -> None:
        if not self._ending and connection.usable:
            self._record.sent += 1
            self._send(connection, time.monotonic())

    def _on_refused(self) -> None:
        """
        Count a request that could not be sent: a client has wanted to.
        """
        if not self._ending:
            self._record.sent += 1
            self._record.lost += 1
