"""
Carries exchanges over the ring and back.

Strategy (measured in bench/): requests are submitted while they are parsed, and workers are woken once per turn of the
event loop, not once per request. Everything that is complete is drained in the same turn; then the front asks workers
to signal the next completion or, where many requests wait, several at once, so that these share the cost of a turn.

The front keeps its own record: `_running[slot]` is the exchange whose request is in that slot, or `Abandoned` where
nobody waits for the answer any more but a worker still has the slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final

from eas_host import log
from eas_host.dispatch import large_outputs
from eas_host.dispatch.body_buffer import NO_MEMORY
from eas_host.dispatch.exchange import Abandoned, Exchange, FastPath, SlotContent
from eas_host.dispatch.gate import Gate
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.dispatch.limits import SMALL_BODY
from eas_host.dispatch.memory_budget import MemoryBudget, no_room
from eas_host.dispatch.queue_poller import CompletionSignal, QueuePoller
from eas_host.dispatch.responses import ErrorResponse
from eas_host.dispatch.workers import SoloListener
from eas_host.reply import Statuses
from eas_host.ring import COPIED, CORRUPT, PARTS, PARTS_ENDED, RUNNING, SUBMITTED, FrontRing
from eas_runtime.ring import RAISED, RETURNED

_RETURNED: Final = (RETURNED + COPIED, RETURNED)
_RAISED: Final = (RAISED, RAISED + COPIED)

Answer = tuple[SlotContent, int, int, bytes | LargeOutput]
"""Of a request that is complete: what is known of it, the outcome, the status and the output."""


class Dispatcher(Gate):
    """
    Submits exchanges to *ring*, as far as *budget* has memory for them, and answers them with what comes back. *plane*
    submits and answers some by itself. *on_full* is called when a request is refused because too many wait.
    *answer_failure* answers an exchange that the processor has failed, as `BackendContext` says. *statuses* has the
    HTTP status of each code that a processor may return.

    Attributes:
        completion_signal: tells when workers have completed requests.
        ring_number: the plane's number of the ring.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ring: FrontRing,
        plane: FastPath,
        budget: MemoryBudget,
        on_full: Callable[[], None],
        answer_failure: Callable[[Exchange, bytes, bytes | None], None],
        statuses: Statuses,
    ) -> None:
        super().__init__(loop, ring, on_full)
        self._plane = plane
        self.ring_number = plane.attach(ring, self)
        self._budget = budget
        self._tell_failure = answer_failure
        self._statuses = statuses
        self._threads = 0
        self._running: list[SlotContent] = [None] * ring.size.slots
        self._flush_due = False
        self._more_parts = False
        self._queue_poller = QueuePoller(loop, ring, self)
        self._solo: dict[int, SoloListener] = {}  # by the slot of a request that runs alone
        self.completion_signal = CompletionSignal(loop, ring.completion_fd, self)

    def set_threads(self, threads: int) -> None:
        """
        Note that so many worker *threads* take requests.
        """
        self._threads = threads

    # -- to the workers

    def submit(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Queue *exchange*, whose request is complete. Returns an error response if that is not possible now.
        """
        if not self._open:
            error_response = self.admit()
            if error_response is not None:
                return error_response
        if not self._ring.has_room(self._capacity):
            return self._full()
        upload = exchange.body_buffer
        if upload is None:
            body = exchange.body
            size = len(body)
            if size > SMALL_BODY:
                if not self._budget.admit(size):
                    return no_room()
                exchange.body = b""  # from here on it is in the ring alone
            slot = self._ring.submit(body, size)
        else:
            exchange.body_buffer = None
            slot = upload.submit()
        if slot < 0:
            return self._full() if slot != NO_MEMORY else no_room()
        exchange.slot = slot
        self._running[slot] = exchange
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)
        return None

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def adopt(self, exchange: Exchange) -> None:
        """
        Note that the request in the slot of *exchange*, which the plane has submitted, is that one from now on.
        """
        self._running[exchange.slot] = exchange

    def abandon(self, exchange: Exchange) -> None:
        """
        Take *exchange*, whose answer nobody waits for any more, out of the queue. If a worker runs it, discard its
        answer.
        """
        slot = exchange.slot
        if slot < 0:
            return
        exchange.slot = -1
        self._ring.exclude_from_stats(slot)
        if self._ring.cancel(slot) or self._ring.phase(slot)[0] == CORRUPT:
            self._free(slot)
        else:
            self._running[slot] = Abandoned(exchange)
            self._ring.abandon(slot)
            if slot in self._solo and self._ring.phase(slot)[0] == RUNNING:
                self._solo[slot].solo_abandoned(slot)

    def take_waiting(self, suspects: Collection[int]) -> list[Exchange]:
        """
        Take out the requests that no worker has taken yet, each with its body, for another dispatcher; and those in the
        slots *suspects*, whose worker died. None of them is queued here in between: a worker might take it.
        """
        taken: list[Exchange] = []
        for slot, exchange in self.slots_in_flight():
            suspect = slot in suspects
            if not isinstance(exchange, Exchange):
                if suspect:
                    self._free(slot)
                continue
            if not suspect and self._ring.phase(slot)[0] != SUBMITTED:
                continue
            body = exchange.body or self._ring.input(slot, exchange.size)
            self._ring.exclude_from_stats(slot)
            if suspect or self._ring.cancel(slot):
                self._free(slot)
                exchange.slot = -1
                exchange.body = body
                taken.append(exchange)
        return taken

    def wake(self) -> None:
        """
        Wake all worker threads, after something about the workers has changed.
        """
        self._ring.wake(self._threads)
        if self.in_flight:
            self._queue_poller.watch()

    # -- from the workers

    def flush(self) -> None:
        """
        Wake a worker and drain, once per turn of the loop in which something was submitted.
        """
        self._flush_due = False
        self._ring.wake_one_if_idle()
        self.drain()
        if self.in_flight:
            self._queue_poller.watch()

    def drain(self) -> None:  # noqa: C901  a method more would be called for each request
        """
        Answer everything that is complete, then ask to be signalled for what is not.
        """
        while True:
            completions = self._ring.collect()
            if self._plane.pending():
                self._plane.settle()  # so that each completion that is left has its exchange
            if completions is None:
                if self._ring.request_notification():
                    return
                continue
            for exchange, outcome, status, body in self._take(completions):
                if exchange.__class__ is Exchange:  # else nobody waits for it any more
                    try:
                        if outcome in _RETURNED:
                            exchange.slot = -1
                            exchange.responder.send_response(exchange, self._statuses[status], body)
                        else:
                            self._answer_otherwise(exchange, outcome, status, body)
                    except Exception:  # noqa: BLE001  a bug of ours costs this connection, not the completions behind it
                        log.exception("internal error while answering a request")
                        exchange.responder.reset()
                if body.__class__ is LargeOutput:
                    body.release()
            if self._more_parts:  # a processor may send them as fast as they are read: the loop has other work, too
                self._more_parts = False
                self._flush_later()
                return

    def _take(self, completions: Iterator[tuple[int, int, int, int]]) -> list[Answer]:
        """
        Take all *completions* out before any is answered: an answer may start the next request of its connection, in a
        slot that is free again but whose completion is still among them.
        """
        running = self._running
        solo = self._solo
        copies = self._ring.copies
        batch: list[Answer] = []
        end = 0
        for slot, outcome, status, size in completions:
            if outcome >= COPIED:
                start = end
                end += size
                try:
                    body = copies[start:end]
                except MemoryError:
                    outcome, body = large_outputs.NO_MEMORY  # noqa: PLW2901  the answer in its place
                batch.append((running[slot], outcome, status, body))
            elif outcome == PARTS:
                batch.append((running[slot], outcome, status, b""))
                if solo:  # it never runs again, and may go on for as long as it likes: the next one has its turn
                    self._end_solo(slot)
                continue
            elif outcome == PARTS_ENDED:
                batch.append((running[slot], outcome, status, self._ring.read_parts(slot)))
                self._ring.release(slot)
            else:
                checked, output = large_outputs.lend(self._ring, self._budget, slot, outcome, size)
                batch.append((running[slot], checked, status, output))
            running[slot] = None
            if solo:
                self._end_solo(slot)
        return batch

    def _answer_otherwise(self, exchange: Exchange, outcome: int, status: int, output: bytes | LargeOutput) -> None:
        if outcome == PARTS:
            self._more_parts = True
            if exchange.slot >= 0:
                exchange.responder.send_parts(
                    exchange, self._statuses[status], partial(self._ring.read_parts, exchange.slot)
                )
            return
        exchange.slot = -1
        if outcome == PARTS_ENDED:
            assert isinstance(output, bytes)  # noqa: S101  as `_take` has read it
            exchange.responder.end_parts(exchange, self._statuses[status], output)
        else:
            self._answer_failure(exchange, outcome, status, output)

    def _answer_failure(self, exchange: Exchange, outcome: int, frames: int, output: bytes | LargeOutput) -> None:
        body = output.take() if isinstance(output, LargeOutput) else output
        if outcome in _RAISED:
            end = len(body) - frames
            self._tell_failure(exchange, body[:end], body[end:])
        else:
            self._tell_failure(exchange, body, None)

    def _free(self, slot: int) -> None:
        self._running[slot] = None
        self._ring.release(slot)
        self._end_solo(slot)

    def _end_solo(self, slot: int) -> None:
        listener = self._solo.pop(slot, None)
        if listener is not None:
            listener.solo_done(slot)

    # -- after a worker's death

    def held_by(self, worker: int) -> list[int]:
        """
        List the slots that *worker*, which is dead, was running, and those whose state it may have destroyed.
        """
        in_flight = [slot for slot, _ in self.slots_in_flight()]
        for slot in in_flight:
            self._ring.phase(slot)  # so that the next drain has what it completed but could not report
        self.drain()
        phases = ((slot, *self._ring.phase(slot)) for slot in in_flight if self._running[slot] is not None)
        return [slot for slot, phase, owner in phases if (phase == RUNNING and owner == worker) or phase == CORRUPT]

    def exchange(self, slot: int) -> Exchange | None:
        """
        Return the exchange whose request is in *slot*, if somebody still waits for it.
        """
        content = self._running[slot]
        return content if isinstance(content, Exchange) else None

    def thread(self, slot: int) -> int:
        """
        Return the number of the thread that has the request in *slot*; -1 if none has.
        """
        return self._ring.thread(slot)

    def content(self, slot: int) -> SlotContent:
        """
        Return what is known of the request in *slot*, whether somebody waits for it or not.
        """
        return self._running[slot]

    def body(self, slot: int) -> bytes:
        """
        Return a copy of the body of the request in *slot*.
        """
        content = self._running[slot]
        if isinstance(content, Exchange) and content.body:
            return content.body
        return b"" if content is None else self._ring.input(slot, content.size)

    def slots_in_flight(self) -> list[tuple[int, SlotContent]]:
        """
        List the slots of all requests in the ring, each with its exchange, or `Abandoned`.
        """
        if not self.in_flight:
            return []
        self._plane.recall()
        return [(slot, content) for slot, content in enumerate(self._running) if content is not None]

    def fail(self, slot: int, error_response: ErrorResponse) -> None:
        """
        Answer the request in *slot*, whose worker died, with *error_response*; free the slot.
        """
        exchange = self._running[slot]
        self._free(slot)
        if isinstance(exchange, Exchange):
            exchange.slot = -1
            exchange.responder.send_error(exchange, error_response)

    def run_again(self, slot: int) -> None:
        """
        Queue the request in *slot*, whose worker died, again; free the slot if nobody waits for it any more.
        """
        if isinstance(self._running[slot], Exchange):
            self._ring.resubmit(slot)
            self.wake()
        else:
            self._free(slot)

    def run_solo(self, slot: int, worker: int, listener: SoloListener) -> None:
        """
        Have *worker*, which takes nothing else, run the request in *slot*.
        """
        self._solo[slot] = listener
        self._ring.requeue_solo(slot, worker)

    def forget_solo(self, slot: int) -> None:
        """
        Forget that the request in *slot* was to run alone: the worker that was to run it has died.
        """
        self._solo.pop(slot, None)

    def give_up(self, reason: str, held: ErrorResponse | None = None) -> None:
        """
        Take no more requests, since no worker will come any more. Those in the ring are answered with *held*, later
        ones with 503 and *reason*; without *held* all of them are answered so.
        """
        self.set_ready(False, reason)
        for exchange in [content for _, content in self.slots_in_flight() if isinstance(content, Exchange)]:
            self.abandon(exchange)
            exchange.responder.send_error(exchange, held or self.unavailable())

    @property
    def awaited(self) -> bool:
        """
        Whether somebody waits for a request in the ring.
        """
        return any(isinstance(content, Exchange) for _, content in self.slots_in_flight())

    def close(self) -> None:
        """
        Stop listening to the ring.
        """
        self._plane.detach(self.ring_number)
        self.completion_signal.close()
        self._queue_poller.close()
        if not self.idle:
            log.debug("%d requests were still in the ring", self.in_flight)
