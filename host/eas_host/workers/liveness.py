"""
Replaces workers that are alive but answer no requests.

Several times in the time that a request may take, the front checks which requests run where, and which wait. It kills a
worker that is ready in two cases:

- All of its threads are stuck, for as long as a request may take, in calls that nobody waits for any more. No language
  has a way to interrupt such a call. While one thread is left, the worker goes on serving. The same holds for a worker
  that has as many requests under way as it may have (`--max-in-flight`), all of them in vain. Answers that have begun
  in parts and keep neither a thread nor such a place say nothing of a worker, and count nowhere here.
- It has free threads and does not take the requests that wait: it was stopped (SIGSTOP), one call keeps Python's
  interpreter lock, or a processor has overwritten the worker's record in the ring. A healthy thread takes a request
  within milliseconds, so a request that has waited from one check to the next is a sign of that. The worker is killed
  when there were such requests, and not one completion of its own, for a little more than a request may take; for twice
  that time if it still runs something, which may only keep the lock for long.

To a program that reads its requests itself only the second case applies. It may hold any number of requests, in threads
that the host does not know, so the number that it runs does not tell whether a thread is free. Nor need its threads
last: when the last one that reads has ended, the program takes no more requests. Before its first read it may take as
long as it likes.

A call that nobody waits for any more may run on for `--hang-timeout`, also where other threads are left. Then another
worker loads, and takes the place of this one when it is ready (`successors`). A request that keeps no thread may stay:
it costs only its place, and what the worker has beside it may be a stream, which a replacement would cut.

A worker that loads may take as long as it likes, unless it was stopped (SIGSTOP), since it would stay so for ever: it
is killed when it was stopped for longer than a request may take. A worker that a debugger holds is in another state.

Time is counted in checks: while the front itself is stopped it makes none, and no worker is to pay for that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.exchange import Exchange
from eas_host.ring import ANY_WORKER, NO_THREAD, RUNNING, SUBMITTED, FrontRing
from eas_host.workers.worker import State, Worker

_CHECKS: Final = 4
_MIN_PAUSE: Final = 0.05
_MAX_PAUSE: Final = 1.0
"""So many checks in a request's time, with so many seconds between them: what waits for long is seen more than once."""
_MARGIN: Final = 1.0
"""Seconds granted in addition: a machine that is busy elsewhere may be late."""


class Liveness:
    """
    Checks *workers*, and kills those that answer no requests. *keepalive* returns how many seconds a request may take.
    *replace* is called with a worker that has run a call for longer than *hang_timeout* seconds after its answer, and
    with the reason; 0: never.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workers: Sequence[Worker],
        ring: FrontRing,
        dispatcher: Dispatcher,
        keepalive: Callable[[], float],
        hang_timeout: float,
        replace: Callable[[Worker, str], None],
    ) -> None:
        self._loop = loop
        self._workers = workers
        self._hang_timeout = hang_timeout
        self._replace = replace
        self._runs_on: dict[int, float] = {}  # seconds since nobody waits for the call, by its slot
        self._ring = ring
        self._dispatcher = dispatcher
        self._keepalive = keepalive
        self._waiting: set[Exchange] = set()
        self._pause = 0.0  # before the next check, and so before the current one
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """
        Check the workers from here on.
        """
        self._pause = min(_MAX_PAUSE, max(_MIN_PAUSE, self._keepalive() / _CHECKS))
        self._timer = self._loop.call_later(self._pause, self._check)

    def close(self) -> None:
        """
        Check no more.
        """
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        self._dispatcher.drain()
        waiting: set[Exchange] = set()
        busy: dict[int, set[int]] = defaultdict(set)  # threads that run something, by worker
        awaited: dict[int, set[int]] = defaultdict(set)  # those of them for one of whose requests somebody waits
        unawaited: list[tuple[int, int, int]] = []  # slots that run, each with its worker and thread
        for slot, content in self._dispatcher.slots_in_flight():
            phase, owner = self._ring.phase(slot)
            if phase == RUNNING:
                thread = self._holder(slot)
                if thread < 0 and content is not None and content.in_parts and self._ring.streams_apart(owner):
                    continue
                busy[owner].add(thread)
                if isinstance(content, Exchange):
                    awaited[owner].add(thread)
                else:
                    unawaited.append((slot, owner, thread))
            elif phase == SUBMITTED and owner == ANY_WORKER and isinstance(content, Exchange):
                waiting.add(content)
        overdue = not self._waiting.isdisjoint(waiting)
        self._waiting = waiting
        hanging = [one[:2] for one in unawaited if one[2] >= 0 and one[2] not in awaited[one[1]]]
        longest = self._note_runs_on(hanging)
        if overdue and self._ring.waiting() < len(waiting):
            self._ring.rebuild_queue()
        for worker in self._workers:
            if worker.state is State.READY:
                self._check_ready(worker, busy[worker.number], awaited[worker.number], overdue=overdue)
                self._check_hang(worker, longest.get(worker.number, 0.0))
            elif worker.state is State.LOADING and worker.process is not None:
                self._check_loading(worker, worker.process.pid)
        self.start()

    def _holder(self, slot: int) -> int:
        """
        Return the thread that has the request in *slot*. One that no thread has counts as one that has a thread of its
        own, with a negative number.
        """
        thread = self._ring.thread(slot)
        return -1 - slot if thread == NO_THREAD else thread

    def _note_runs_on(self, abandoned: list[tuple[int, int]]) -> dict[int, float]:
        """
        Note that the calls in these slots, each with its worker, run on though nobody waits for them. Returns for how
        many seconds the longest of each worker does.
        """
        self._runs_on = {slot: self._runs_on.get(slot, 0.0) + self._pause for slot, _ in abandoned}
        longest: dict[int, float] = {}
        for slot, owner in abandoned:
            longest[owner] = max(longest.get(owner, 0.0), self._runs_on[slot])
        return longest

    def _check_ready(self, worker: Worker, busy: set[int], awaited: set[int], *, overdue: bool) -> None:
        """
        Kill *worker*, whose threads in *busy* have requests, those in *awaited* such as somebody waits for, in the two
        cases above. *overdue*: requests have waited since the last check.
        """
        places = self._ring.max_in_flight(worker.number)
        abandoned = busy - awaited
        stuck_threads = 0 < worker.threads <= sum(thread >= 0 for thread in abandoned)
        inactivity, keepalive = worker.inactivity, self._keepalive()
        completed = self._ring.completed(worker.number)
        if completed != inactivity.completed:
            inactivity.completed = completed
            inactivity.idle = 0.0
        stuck = (stuck_threads or 0 < places <= len(abandoned)) and not worker.reads
        inactivity.stuck = inactivity.stuck + self._pause if stuck else 0.0
        # A stream that waits for its client keeps no thread, and so takes no place of those.
        taken = len(busy) if places else sum(thread >= 0 for thread in busy)
        if overdue and (worker.reads or taken < (places or worker.threads)) and not worker.suspects.busy:
            inactivity.idle += self._pause
        if inactivity.stuck > keepalive:
            what = f"{worker.threads} threads are stuck in calls"
            if not stuck_threads:
                what = f"{places} places (--max-in-flight) are taken by requests"
            why = f"all {what} that nobody waits for any more"
        elif inactivity.idle >= keepalive + (max(keepalive, _MARGIN) if busy else _MARGIN):
            why = f"it has completed nothing for {inactivity.idle:.0f} s and does not take the requests that wait"
            if worker.reads and not worker.threads:
                why += ": no thread of the program reads any more"
        else:
            return
        log.error("worker %d: %s; it is killed", worker.number, why)
        worker.kill()

    def _check_hang(self, worker: Worker, seconds: float) -> None:
        """
        Have *worker* replaced if one of its calls runs on for *seconds* and that is too long. A program that reads its
        requests itself may keep one for as long as it likes.
        """
        if 0 < self._hang_timeout < seconds and not worker.reads and worker.successor is None and not worker.killed:
            self._replace(worker, f"a call runs on {seconds:.0f} s after nobody waited for it (--hang-timeout)")

    def _check_loading(self, worker: Worker, pid: int) -> None:
        inactivity = worker.inactivity
        inactivity.stopped = inactivity.stopped + self._pause if _is_stopped(pid) else 0.0
        if inactivity.stopped > self._keepalive():
            log.error("worker %d: it was stopped (SIGSTOP) while it loaded; it is killed", worker.number)
            worker.kill()


def _is_stopped(pid: int) -> bool:
    """
    Tell whether a signal has stopped process *pid*: the state behind its name in parentheses is T; for a debugger it
    is t.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"T"]
    except OSError:  # it has ended, or there is no /proc
        return False
