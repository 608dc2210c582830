"""
When the front looks at the ring for completions: when workers signal some, and while requests wait every few
milliseconds, for as long as completions come.

Waking a thread and notifying the front are expensive, so worker threads guess: none is woken while another is awake,
and completions are reported together (`FrontRing.request_notification`). A guess is wrong when a call takes longer than
those before it. Then requests wait while threads sleep, or completions are not collected; polling finds both.

If no completion has come between two polls, all threads are awake by then, and busy. Then the poller rests: completions
are reported at once, and only a new request makes it poll soon.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final, Protocol

from eas_host.ring import FrontRing

_POLL_SECONDS: Final = 0.001
"""How long a wrong guess may last."""

_SLOW_POLL_SECONDS: Final = 0.008
_FEW_COMPLETIONS: Final = 32
"""
If no more than so many completions come between two polls, calls are too slow for threads to guess well, and the next
poll may be later: so long a completion then stays uncollected, while many requests wait. A poll costs some 50 us of CPU
time where the processor occupies the cores' caches.
"""

_REST_SECONDS: Final = 0.1
"""The next poll while it rests, in case a processor has overwritten the word that asks for notifications."""


class Drained(Protocol):
    """
    Takes completions out of the ring.

    Attributes:
        in_flight: the requests in the ring.
        completed: how many completions were taken out of it so far.
        worker_alive: whether a worker is ready now.
    """

    worker_alive: bool

    @property
    def in_flight(self) -> int:
        """
        See above.
        """

    @property
    def completed(self) -> int:
        """
        See above.
        """

    def drain(self) -> None:
        """
        Answer everything that is complete.
        """


class CompletionSignal:
    """
    The descriptor *fd*, an eventfd which is readable when workers have signalled completions: then *dispatcher* is
    drained.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, dispatcher: Drained) -> None:
        self._loop = loop
        self._fd = fd
        self._dispatcher = dispatcher
        self._watchers: list[Callable[[], None]] = []
        loop.add_reader(fd, self._on_signal)

    def watch(self, watcher: Callable[[], None]) -> None:
        """
        Call *watcher* after each signal, once the completions are drained. Without a watcher nothing is asked for it.
        """
        self._watchers.append(watcher)
        self._loop.add_reader(self._fd, self._on_watched_signal)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """
        Call *watcher*, which may be called now, no more.
        """
        if watcher in self._watchers:
            self._watchers.remove(watcher)
            if not self._watchers:
                self._loop.add_reader(self._fd, self._on_signal)

    def close(self) -> None:
        """
        Listen no more.
        """
        self._watchers.clear()
        self._loop.remove_reader(self._fd)

    def _on_signal(self) -> None:
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            pass
        self._dispatcher.drain()

    def _on_watched_signal(self) -> None:
        self._on_signal()
        for watcher in tuple(self._watchers):
            watcher()


class QueuePoller:
    """
    Polls *ring* for *dispatcher*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: FrontRing, dispatcher: Drained) -> None:
        self._loop = loop
        self._ring = ring
        self._dispatcher = dispatcher
        self._timer: asyncio.TimerHandle | None = None
        self._completed = 0  # at the last poll
        self._resting = False

    def watch(self, seconds: float = _POLL_SECONDS) -> None:
        """
        Poll in so many *seconds*, if not earlier.
        """
        if self._timer is None or self._resting:
            self.close()
            self._resting = False
            self._timer = self._loop.call_later(seconds, self._poll)

    def close(self) -> None:
        """
        Poll no more.
        """
        if self._timer is not None:
            self._timer.cancel()

    def _poll(self) -> None:
        """
        Correct the workers' guesses: wake as many threads as there are requests that wait, and collect completions that
        a thread kept to itself before it met a slow call, or that are too few to be reported.
        """
        self._timer = None
        dispatcher = self._dispatcher
        # In this order: a thread may take the last request that waits, a slow one, and not have reported a completion.
        waiting = self._ring.waiting()
        dispatcher.drain()
        completed = dispatcher.completed - self._completed
        self._completed = dispatcher.completed
        self._resting = waiting > 0 and not completed
        self._ring.notify_immediately(self._resting)
        if waiting <= 0:
            return
        # Under load something always waits; only if nothing was completed at all does a guess need correcting.
        if self._resting:
            self._ring.wake(waiting)
            dispatcher.drain()  # what was completed before the workers knew that each completion is to be reported
        if not (dispatcher.worker_alive and dispatcher.in_flight):
            return
        if self._resting:
            self._timer = self._loop.call_later(_REST_SECONDS, self._poll)
        else:
            self.watch(_SLOW_POLL_SECONDS if completed <= _FEW_COMPLETIONS else _POLL_SECONDS)
