"""
Many connections to a service during one step, and the count of what comes over them.

Every request ends in exactly one of three ways: it is answered, its connection is lost, or there is no answer when its
time is over. When the next one is sent is for a subclass to say.
"""

from __future__ import annotations

import asyncio
import errno
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import Final, NamedTuple

from eas_host.load.connection import ServiceAnswer, ServiceConnection
from eas_host.load.measurement import Measurement
from eas_host.load.service import Requests, ServiceUrl

_RETRY_SECONDS: Final = 0.1
"""How long to wait before another connection is tried, if the service has refused one."""


class Course(NamedTuple):
    """
    What all steps of a run have in common.

    Attributes:
        service: where the service is.
        requests: what it is sent.
        seconds: for how long requests are sent in a step.
        timeout: seconds for the answers that are missing then.
        interrupted: done when the user wants the end.
    """

    service: ServiceUrl
    requests: Requests
    seconds: float
    timeout: float
    interrupted: asyncio.Future[None]


class Driver(ABC):
    """
    Loads the service of *course*, and counts what comes in *record*.
    """

    def __init__(self, course: Course, record: Measurement) -> None:
        self._course = course
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._connections: set[ServiceConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._disconnected = asyncio.Event()
        self._ending = False
        self._last_answer = 0.0

    async def run(self, connections: int) -> Measurement:
        """
        Load the service over so many *connections* at first. Returns what was measured.

        Raises:
            OSError: there is no connection.
        """
        try:
            opening = self._loop.create_task(self._open(connections))
            await self._first_of(opening, self._course.timeout)
            if not opening.done():
                await _cancel({opening})
                if self._course.interrupted.done():
                    return self._record
                raise OSError(errno.ETIMEDOUT, f"no connection within {self._course.timeout:g} s (--timeout)")
            opening.result()
            start = time.monotonic()
            self._begin(start)
            await self._first_of(self._finished, self._course.seconds + self._course.timeout)
            self._close(start)
        finally:
            await self._disconnect()
        return self._record

    def refused(self) -> Measurement:
        """
        Count one lost request: it could not be sent, since no connection could be made.
        """
        self._record.sent = self._record.lost = 1
        return self._record

    @abstractmethod
    def _begin(self, start: float) -> None:
        """
        Send the first requests; it is the time *start* of the monotonic clock. After the last one, `_end` is called.
        """

    @abstractmethod
    def _use(self, connection: ServiceConnection) -> None:
        """
        Send the next request over *connection*, which has none, if it is time for one.
        """

    def _waiting(self) -> int:
        """
        Tell how many requests wait for a connection.
        """
        return 0

    def _forget(self, connection: ServiceConnection) -> None:
        """
        Learn that *connection* has ended, and replace it if it is needed.
        """
        self._open_another()

    def on_answer(self, connection: ServiceConnection, answer: ServiceAnswer) -> None:
        """
        Count *answer*, and go on.
        """
        self._under_way -= 1
        record = self._record
        self._last_answer = time.monotonic()
        if record.count_answer(answer.status, answer.body):
            record.latency.add(answer.seconds)
            if answer.first is not None:
                # The host tells the times of those alone that ended before their first part was sent.
                record.first.add(answer.first)
            elif answer.timing is not None:
                record.queue.add(answer.timing[0])
                record.call.add(answer.timing[1])
                if answer.batch:
                    record.batches.add(answer.batch, answer.timing[1])
        if connection.usable:
            self._use(connection)
        self._check_end()

    def on_lost(self, connection: ServiceConnection) -> None:
        """
        Count the request under way as lost.
        """
        self._connections.discard(connection)
        if not self._connections:
            self._disconnected.set()
        if self._finished.done():
            return
        if connection.due is not None:
            connection.due = None
            self._under_way -= 1
            self._record.lost += 1
        self._forget(connection)
        self._check_end()

    def _send(self, connection: ServiceConnection, due: float) -> None:
        self._under_way += 1
        connection.send(self._course.requests.next(), due)

    async def _first_of(self, done: asyncio.Future[None], seconds: float) -> None:
        """
        Wait until *done* is done or the user wants the end, for so many *seconds* at most.
        """
        both = {done, self._course.interrupted}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _open(self, connections: int) -> None:
        for _ in range(connections):
            await self._connect()

    async def _connect(self) -> ServiceConnection:
        service = self._course.service
        _, connection = await self._loop.create_connection(
            partial(ServiceConnection, self), service.host, service.port, ssl=service.tls
        )
        self._connections.add(connection)
        return connection

    def _open_another(self) -> None:
        """
        Open a connection in the background, and use it.
        """
        if not self._ending or self._waiting():
            task = self._loop.create_task(self._connect_and_use())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect_and_use(self) -> None:
        try:
            connection = await self._connect()
        except OSError:
            self._on_refused()
            await asyncio.sleep(_RETRY_SECONDS)
            self._open_another()
            return
        self._use(connection)

    @abstractmethod
    def _on_refused(self) -> None:
        """
        Learn that a connection was refused.
        """

    def _end(self) -> None:
        self._ending = True
        self._check_end()

    def _check_end(self) -> None:
        if self._ending and not self._under_way and not self._waiting() and not self._finished.done():
            self._finished.set_result(None)

    async def _disconnect(self) -> None:
        """
        End all connections.
        """
        self._ending = True
        await _cancel(self._connecting.copy())
        self._disconnected.clear()
        for connection in self._connections:
            connection.abort()
        if self._connections:
            await self._disconnected.wait()

    def _close(self, start: float) -> None:
        """
        Count what was not answered.
        """
        record = self._record
        record.interrupted = self._course.interrupted.done()
        missing = self._under_way + self._waiting()
        if not record.interrupted:
            record.unanswered = missing
        else:
            record.sent -= missing  # nobody has waited for them
        planned = 0.0 if record.interrupted else self._course.seconds
        record.seconds = max(planned, self._last_answer - start, time.monotonic() - start if missing else 0.0)
        if not self._finished.done():
            self._finished.set_result(None)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
