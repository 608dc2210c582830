"""
Runs suspects, requests whose worker died and that may have been the cause (`recovery`), one at a time.

Their worker starts in solo mode: it takes nothing but what it is given here, and joins the others when no suspect is
left.

A suspect that is answered in parts has had its turn when its answer has begun: then it cannot run again, and how long
it goes on is up to its client. If it ends the process later, it is cut, and the suspect beside it runs again.
"""

from __future__ import annotations

from collections.abc import Sequence

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.ring import FrontRing
from eas_host.workers.worker import State, Worker


class SoloRunner:
    """
    Has each of *workers* run its own suspects again, which *dispatcher* has in *ring*.
    """

    def __init__(self, workers: Sequence[Worker], ring: FrontRing, dispatcher: Dispatcher) -> None:
        self._workers = workers
        self._ring = ring
        self._dispatcher = dispatcher

    def begin(self, worker: Worker) -> None:
        """
        Run the suspects of *worker*, which is ready, if it has any.
        """
        if worker.suspects.slots:
            self._next(worker)

    def _next(self, worker: Worker) -> None:
        suspects = worker.suspects
        while suspects.slots:
            slot = suspects.slots.popleft()
            if self._dispatcher.exchange(slot) is None:
                self._dispatcher.run_again(slot)  # which frees the slot, since nobody waits for it any more
                continue
            suspects.solo = slot
            self._dispatcher.run_solo(slot, worker.number, self)
            return
        self._ring.leave_solo(worker.number)

    def solo_done(self, slot: int) -> None:
        """
        Run the next suspect: the one in *slot* is done, or its answer has begun.
        """
        for worker in self._workers:
            if worker.suspects.solo == slot:
                worker.suspects.solo = -1
                if worker.state is State.READY:
                    self._next(worker)

    def solo_abandoned(self, slot: int) -> None:
        """
        Kill the worker whose call nobody waits for any more, since other suspects wait to run alone.
        """
        for worker in self._workers:
            if worker.suspects.solo == slot and worker.process is not None:
                log.info("worker %d: nobody waits any more for the suspect that it runs; it is killed", worker.number)
                worker.kill()
