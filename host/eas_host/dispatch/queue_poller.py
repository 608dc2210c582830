"""
Looks after the requests that wait, every few milliseconds for as long as something happens to them.

To wake a thread and to notify the front are expensive, so worker threads guess: none is woken while another is awake,
and completions are reported together (`FrontRing.request_notification`). A guess is wrong when a call takes longer than
those before it. Then requests wait while threads sleep, or completions are not collected; this is what finds them.

Where nothing has come back between two looks, all threads are awake by then, and busy. Then it rests: completions are
told of at once, and only a new request makes it look soon.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from eas_host.ring import FrontRing

_SECONDS: Final = 0.001
"""How long a wrong guess may last."""

_SLOW_SECONDS: Final = 0.008
_SLOW: Final = 32
"""
Where no more than so many completions come between two looks, calls are too slow for threads to guess by, and the next
look may wait longer: for so long a completion then lies about, while many requests wait. A look costs some 50 CPU us
where the processor keeps the cores' caches to itself.
"""


_REST_SECONDS: Final = 0.1
"""The next look while it rests, should a processor have damaged the word that asks to be told."""


class Drained(Protocol):
    """
    Whoever takes completions out of the ring.

    Attributes:
        in_flight: the requests in the ring.
        completed: how many were taken out of it so far.
        worker_alive: whether a worker is ready now.
    """

    in_flight: int
    completed: int
    worker_alive: bool

    def drain(self) -> None:
        """
        Answer everything that is complete.
        """


class QueuePoller:
    """
    Watches the requests that wait in *ring* for *dispatcher*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: FrontRing, dispatcher: Drained) -> None:
        self._loop = loop
        self._ring = ring
        self._dispatcher = dispatcher
        self._timer: asyncio.TimerHandle | None = None
        self._taken = 0  # completions, at the last look
        self._resting = False

    def watch(self, seconds: float = _SECONDS) -> None:
        """
        Look in so many *seconds*, if not earlier.
        """
        if self._timer is None or self._resting:
            self.close()
            self._resting = False
            self._timer = self._loop.call_later(seconds, self._look)

    def close(self) -> None:
        """
        Watch no more.
        """
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """
        Correct the workers' guesses: wake as many threads as there are requests that wait, and look for completions
        that a thread kept to itself before it met a slow call, or that are too few to be told of.
        """
        self._timer = None
        dispatcher = self._dispatcher
        # In this order: a thread may take the last request that waits, a slow one, with a completion still untold.
        waiting = self._ring.waiting()
        dispatcher.drain()
        taken = dispatcher.completed - self._taken
        self._taken = dispatcher.completed
        self._resting = waiting > 0 and not taken
        self._ring.notify_immediately(self._resting)
        if waiting <= 0:
            return
        # Under load something always waits; only if nothing at all has come back does a guess need correcting.
        if self._resting:
            self._ring.wake(waiting)
            dispatcher.drain()  # what was completed before the workers knew that it is to be told
        if not (dispatcher.worker_alive and dispatcher.in_flight):
            return
        if self._resting:
            self._timer = self._loop.call_later(_REST_SECONDS, self._look)
        else:
            self.watch(_SLOW_SECONDS if taken <= _SLOW else _SECONDS)
