"""
Batches: a thread takes several requests that wait, for one call of the processor.

When a batch begins, and how large it is, is decided natively (native/src/batch_rule.h), from what the calls of this
process cost. So a thread says when its call has ended. It began as the thread took the requests.

A program that takes its requests itself decides both (`RingReader`).
"""

from typing import Any, Callable

from eas_runtime.ring.current import library
from eas_runtime.ring.worker import RESUMED, TAKEN, RingCall, WorkerRing

_ARRAY = 16
"""Requests that a reader has room for at once; it makes more room where it holds more."""


class RingBatches:
    """
    What the threads of one worker process share that take batches from *ring*, of up to *size* requests.
    """

    def __init__(self, ring: WorkerRing, size: int) -> None:
        self.ring = ring
        self.size = size
        self.native: Any = library().functions.eas_worker_open_batches(ring.pointer, ring.worker, size)

    def enter(self, thread: int) -> "RingBatch":
        """
        Prepare the calling thread, number *thread*, to take batches.
        """
        self.ring.enter(thread)
        return RingBatch(self, thread)


class RingBatch:
    """
    A thread that completes all requests of a batch before it takes the next one, and the batch that it has.

    Attributes:
        calls: its requests, in the order of their arrival.
        alone: whether it is one request that must run by itself, since it may have ended a worker.
    """

    def __init__(self, batches: RingBatches, thread: int) -> None:
        native = library()
        functions = native.functions
        self._take = functions.eas_worker_take_batch
        self._end = functions.eas_worker_end_batch
        self._report = functions.eas_worker_report_batch
        self._batch, self._call_at = native.new_batch(batches.native, thread, batches.size)
        self._ring = batches.ring
        self._thread = thread
        self._places: list[RingCall] = []  # as many as the largest batch so far had requests
        self.calls: list[RingCall] = []
        self.alone = False

    def take(self) -> bool:
        """
        Wait for the next batch. False: the worker is to stop.
        """
        batch, places = self._batch, self._places
        taken = self._take(batch)
        while taken in (TAKEN, RESUMED):
            while len(places) < batch.count:
                places.append(RingCall(self._thread, self._call_at(len(places))))
            self.calls = places[: batch.count]
            self.alone = batch.alone != 0
            if taken == TAKEN:
                return True
            self._ring.resume(self.calls[0])
            taken = self._take(batch)
        return False

    def end(self, *, answered: bool) -> None:
        """
        Say that the processor's call has ended. If it has *answered* all requests, they are to be completed now, and
        `report` is to follow.
        """
        self._end(self._batch, answered)

    def report(self) -> None:
        """
        Have the front hear of the completions since `end`.
        """
        self._report(self._batch)


class RingReader:
    """
    Thread number *thread* of a program that takes its requests from *ring* itself. It may hold several at once.
    """

    def __init__(self, ring: WorkerRing, thread: int) -> None:
        self._take_more = library().functions.eas_worker_take_more
        self._ring = ring
        self._thread = thread
        self._arrays: list[Callable[[int], Any]] = []  # which live as long
        self._places: list[RingCall] = []

    def place(self, held: int) -> RingCall:
        """
        Return what to take the next request into while this thread holds so many.
        """
        if held == len(self._places):
            call_at = library().new_calls(_ARRAY)
            self._arrays.append(call_at)
            self._places += [RingCall(self._thread, call_at(number)) for number in range(_ARRAY)]
        return self._places[held]

    def take_more(self, held: int, most: int) -> "list[RingCall]":
        """
        Take, without waiting, some of the requests that wait, *most* at most; this thread has *held* already.
        """
        ring, first = self._ring, self.place(held).native
        most = min(most, _ARRAY - held % _ARRAY)
        count = self._take_more(ring.pointer, ring.worker, self._thread, first, most)
        return self._places[held : held + count]
