"""
Runs suspects, requests whose worker died and that may have been the cause (`recovery`), one at a time.

Their worker starts in solo mode: it takes nothing but what it is given here, and joins the others when no suspect is
left.

A suspect that is answered in parts has had its turn when its answer has begun: then it cannot run again, and how long
it goes on is up to its client. If it ends the process later, it is cut, and the suspect beside it runs again.

A call that nobody waits for any more holds up the other suspects, so its worker is killed; but not while an answer that
has begun there goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher
from eas_host.dispatch.exchange import Exchange, SlotContent
from eas_host.ring import RUNNING, FrontRing
from eas_host.workers.worker import State, Worker

_PAUSE: Final = 0.5
"""Seconds until it is looked again whether an answer that has begun has ended."""


class SoloRunner:
    """
    Has each of *workers* run its own suspects again, which *dispatcher* has in *ring*.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, workers: Sequence[Worker], ring: FrontRing, dispatcher: Dispatcher
    ) -> None:
        self._loop = loop
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
        Kill the worker whose call nobody waits for any more, since other suspects wait to run alone, once no answer
        that has begun goes on beside it.
        """
        content = self._dispatcher.content(slot)
        for worker in self._workers:
            if worker.suspects.solo == slot:
                self._kill(worker, slot, content)

    def _kill(self, worker: Worker, slot: int, content: SlotContent) -> None:
        if worker.suspects.solo != slot or self._dispatcher.content(slot) is not content or worker.process is None:
            return  # that call has ended
        if self._has_begun_answer(worker):
            self._loop.call_later(_PAUSE, self._kill, worker, slot, content)
            return
        log.info("worker %d: nobody waits any more for the suspect that it runs; it is killed", worker.number)
        worker.kill()

    def _has_begun_answer(self, worker: Worker) -> bool:
        return any(
            isinstance(content, Exchange) and content.in_parts and self._ring.phase(slot) == (RUNNING, worker.number)
            for slot, content in self._dispatcher.slots_in_flight()
        )
