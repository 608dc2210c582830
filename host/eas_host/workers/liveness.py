"""
Replaces workers that live and serve nobody.

Several times in the time of a request it is seen which of them run where, and which wait. Two kinds of workers that are
ready are killed:

- All of its threads are stuck, for as long as a request may take, in calls that nobody waits for any more. No language
  has a way to interrupt such a call. While one thread is left the worker serves on.
- It has free threads and does not take what waits: it was stopped (SIGSTOP), one call keeps Python's interpreter lock,
  or a processor has overwritten the worker's record in the ring. A healthy thread takes a request within milliseconds,
  so it is one that has waited from one look to the next that tells. The worker is killed when that was so for a little
  more than a request may take without one completion; if it still runs something, which may only keep the lock for
  long, twice as long.

A program that reads its requests itself is judged by the second rule alone: it may hold any number of them, in threads
that nobody here knows of, so those that it runs do not tell whether one is free. Nor does it have as many threads as it
had once: when the last one that reads has ended, nothing is taken any more. Before it has read for the first time it
may take as long as it likes.

A worker that loads may take as long as it likes, unless it was stopped: it would stay so for ever. One that a debugger
holds is in another state. It is killed when it was stopped for longer than a request may take.

Time is counted in looks: while the front itself is stopped nobody looks, and no worker is to pay for that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.exchange import Exchange
from eas_host.ring import ANY_WORKER, RUNNING, SUBMITTED, FrontRing
from eas_host.workers.worker import State, Worker

_LOOKS: Final = 4
_SHORTEST: Final = 0.05
_LONGEST: Final = 1.0
"""So many looks in a request's time, with so many seconds between them: it is seen more than once while it waits."""
_MARGIN: Final = 1.0
"""Seconds: a machine that is busy elsewhere may be late."""


class Liveness:
    """
    Looks after *workers*. *keepalive* tells how many seconds a request may take now.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workers: Sequence[Worker],
        ring: FrontRing,
        dispatcher: Dispatcher,
        keepalive: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._workers = workers
        self._ring = ring
        self._dispatcher = dispatcher
        self._keepalive = keepalive
        self._waiting: set[Exchange] = set()
        self._pause = 0.0  # before the next look, and so before this one
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """
        Look from here on.
        """
        self._pause = min(_LONGEST, max(_SHORTEST, self._keepalive() / _LOOKS))
        self._timer = self._loop.call_later(self._pause, self._look)

    def close(self) -> None:
        """
        Look no more.
        """
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._dispatcher.drain()
        waiting: set[Exchange] = set()
        busy: Counter[int] = Counter()
        abandoned: Counter[int] = Counter()
        for slot, holder in self._dispatcher.slots_in_flight():
            phase, owner = self._ring.phase(slot)
            if phase == RUNNING:
                busy[owner] += 1
                abandoned[owner] += not isinstance(holder, Exchange)
            elif phase == SUBMITTED and owner == ANY_WORKER and isinstance(holder, Exchange):
                waiting.add(holder)
        neglected = not self._waiting.isdisjoint(waiting)
        self._waiting = waiting
        if neglected and self._ring.waiting() < len(waiting):
            self._ring.rebuild_queue()
        for worker in self._workers:
            if worker.state is State.READY:
                self._check(worker, busy[worker.number], abandoned[worker.number], neglected=neglected)
            elif worker.state is State.LOADING and worker.process is not None:
                self._check_loading(worker, worker.process.pid)
        self.start()

    def _check(self, worker: Worker, busy: int, abandoned: int, *, neglected: bool) -> None:
        neglect, keepalive = worker.neglect, self._keepalive()
        completed = self._ring.completed(worker.number)
        if completed != neglect.completed:
            neglect.completed = completed
            neglect.idle = 0.0
        stuck = 0 < worker.threads <= abandoned and not worker.reads
        neglect.stuck = neglect.stuck + self._pause if stuck else 0.0
        if neglected and (worker.reads or busy < worker.threads) and not worker.suspects.busy:
            neglect.idle += self._pause
        if neglect.stuck > keepalive:
            why = f"all {worker.threads} threads are stuck in calls that nobody waits for any more"
        elif neglect.idle >= keepalive + (max(keepalive, _MARGIN) if busy else _MARGIN):
            why = f"it has completed nothing for {neglect.idle:.0f} s and does not take the requests that wait"
            if worker.reads and not worker.threads:
                why += ": no thread of the program reads any more"
        else:
            return
        log.error("worker %d: %s; it is killed", worker.number, why)
        worker.kill()

    def _check_loading(self, worker: Worker, pid: int) -> None:
        neglect = worker.neglect
        neglect.stopped = neglect.stopped + self._pause if _is_stopped(pid) else 0.0
        if neglect.stopped > self._keepalive():
            log.error("worker %d: it was stopped (SIGSTOP) while it loaded; it is killed", worker.number)
            worker.kill()


def _is_stopped(pid: int) -> bool:
    """
    Whether a signal has stopped process *pid*: its state, behind its name in parentheses, is T; a debugger's is t.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"T"]
    except OSError:  # it has ended, or there is no /proc
        return False
