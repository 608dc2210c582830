"""
Runs suspects, requests whose worker died and that may have been the cause (`recovery`), one at a time.

Their worker starts in solo mode: it takes nothing but what it is given here, and joins the others when no suspect is
left.
"""

from __future__ import annotations

from collections.abc import Sequence

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.ring import FrontRing
from eas_host.workers.worker import State, Worker


class SoloRunner:
    """
    Gives the suspects of each of *workers* back to it, over *ring*, for *dispatcher*.
    """

    def __init__(self, workers: Sequence[Worker], ring: FrontRing, dispatcher: Dispatcher) -> None:
        self._workers = workers
        self._ring = ring
        self._dispatcher = dispatcher

    def begin(self, worker: Worker) -> None:
        """
        *worker* is ready.
        """
        if worker.suspects.slots:
            self._next(worker)

    def _next(self, worker: Worker) -> None:
        suspects = worker.suspects
        while suspects.slots:
            slot = suspects.slots.popleft()
            if self._dispatcher.exchange(slot) is None:
                self._dispatcher.run_again(slot)  # nobody waits for it any more: that frees the slot
                continue
            suspects.solo = slot
            self._dispatcher.run_solo(slot, worker.number, self)
            return
        self._ring.leave_solo(worker.number)

    def solo_done(self, slot: int) -> None:
        """
        The suspect in *slot* is done: the next one may run.
        """
        for worker in self._workers:
            if worker.suspects.solo == slot:
                worker.suspects.solo = -1
                if worker.state is State.READY:
                    self._next(worker)

    def solo_abandoned(self, slot: int) -> None:
        """
        End the call that nobody waits for: others wait for their turn to run alone.
        """
        for worker in self._workers:
            if worker.suspects.solo == slot and worker.process is not None:
                log.info("worker %d: it runs a suspect that nobody waits for any more; it is killed", worker.number)
                worker.kill()
