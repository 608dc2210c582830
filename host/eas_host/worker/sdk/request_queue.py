"""
Requests that a Python program reads itself, from any of its threads (`allspark.QueuedService`).

Each thread that reads gets a number of the ring and keeps what it has read and not answered. Nothing is forgotten: if
the thread reads on, or ends, what is left is answered 500 and the log says which thread it was. A request with a number
of its own belongs to no thread; it may be answered by any, once.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from eas_host.ring import BAD_OUTPUT, RETURNED, Call, WorkerRing
from eas_host.unpatched import Thread, allocate_lock, patcher
from eas_host.worker.sdk.result_encoder import INT_MAX, INT_MIN

MOST_READERS: Final = 4095
_TURN_SECONDS: Final = 0.005
"""How often a greenlet looks for a request: others have their turns meanwhile."""


class _Reader:
    """
    A thread that reads: its number, and what it has read and not answered yet.
    """

    def __init__(self, number: int) -> None:
        self.thread = threading.current_thread()
        self.number = number
        self.calls: deque[Call] = deque()
        self.begun = 0.0


class _Farewell:
    """
    Goes with its thread, as all that a `threading.local` holds, and tells of its end.
    """

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._process = os.getpid()

    def __del__(self) -> None:
        # A child that is forked drops the threads that it has not got; they live on in its parent.
        if not sys.is_finalizing() and os.getpid() == self._process:
            self._say()


class Queued:
    """
    The reading side of *ring*. *on_readers* is called with the number of threads that read, when it changes.
    """

    def __init__(self, ring: WorkerRing, on_readers: Callable[[int], None]) -> None:
        self._ring = ring
        self._on_readers = on_readers
        self._process = os.getpid()
        self._lock = allocate_lock()
        self._local: threading.local | None = None
        self._readers: dict[int, _Reader] = {}
        self._open: dict[int, Call] = {}
        self._numbers = itertools.count(1)

    # -- reading

    def read(self) -> bytes:
        """
        Wait for a request; this thread is to answer it.

        Raises:
            SystemExit: the service stops.
        """
        reader = self._reader()
        self._abandon(reader, "it read the next request")
        call = self._take(reader)
        reader.calls.append(call)
        return call.input()

    def read_upto(self, batch_size: int, timeout_ms: int) -> list[bytes]:
        """
        Wait for up to *batch_size* requests, *timeout_ms* milliseconds in all, and return what came, perhaps nothing.
        With a negative time-out wait for the first as long as it takes, and return what is there then.

        Raises:
            SystemExit: the service stops.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}")
        reader = self._reader()
        self._abandon(reader, "it read the next requests")
        end = time.monotonic() + timeout_ms / 1000
        if timeout_ms < 0:
            reader.calls.append(self._take(reader))
        while len(reader.calls) < batch_size:
            call = Call(reader.number)
            taken = self._wait(call, max(0.0, end - time.monotonic()))
            if taken is False and not reader.calls:
                raise SystemExit
            if not taken:
                break
            reader.begun = time.monotonic()
            reader.calls.append(call)
        return [call.input() for call in reader.calls]

    def read_with_id(self) -> tuple[bytes, int]:
        """
        Wait for a request that any thread may answer.

        Raises:
            SystemExit: the service stops.
        """
        call = self._take(self._reader())
        number = next(self._numbers)
        self._open[number] = call
        return call.input(), number

    # -- answering

    def answer(self, code: int, data: bytes) -> None:
        """
        Answer the oldest request that this thread holds.
        """
        calls = self._held()
        if not calls:
            raise RuntimeError("this thread has no request to answer: each write or error needs a read before it")
        self._reply(calls.popleft(), code, data)

    def answer_many(self, answers: Sequence[tuple[int, bytes]]) -> None:
        """
        Answer the requests that this thread holds, in order.
        """
        calls = self._held()
        held = len(calls)
        for code, data in answers[:held]:
            self._reply(calls.popleft(), code, data)
        if len(answers) != held:
            raise ValueError(f"{len(answers)} answers for the {held} requests that this thread has read")

    def answer_id(self, code: int, data: bytes, number: int) -> None:
        """
        Answer request *number*.
        """
        call = self._open.pop(number, None)  # atomic: two threads cannot both get it
        if call is None:
            raise ValueError(f"there is no request {number}: it is answered already, or was never read")
        self._reply(call, code, data)

    # -- inside

    def busy(self) -> list[tuple[Thread, float]]:
        """
        The threads that hold a request, and since when.
        """
        with self._lock:
            return [(reader.thread, reader.begun) for reader in self._readers.values() if reader.calls]

    @property
    def _mine(self) -> threading.local:
        """
        What each thread has for itself; each greenlet, if the program has replaced threads before it reads.
        """
        if self._local is None:
            with self._lock:
                self._local = self._local or threading.local()
        return self._local

    def _held(self) -> deque[Call]:
        reader: _Reader | None = getattr(self._mine, "reader", None)
        return reader.calls if reader is not None else deque()

    def _reader(self) -> _Reader:
        if os.getpid() != self._process:
            raise RuntimeError(
                f"requests are read by the process that has opened the service, {self._process}, and not by those that"
                " it forks; use threads, or a BaseProcessor with worker_processes"
            )
        reader: _Reader | None = getattr(self._mine, "reader", None)
        return self._new_reader() if reader is None else reader

    def _new_reader(self) -> _Reader:
        with self._lock:
            number = next((number for number in range(MOST_READERS) if number not in self._readers), None)
            if number is None:
                raise RuntimeError(f"{MOST_READERS} threads read requests already; there cannot be more")
            reader = self._readers[number] = _Reader(number)
            count = len(self._readers)
        self._mine.reader = reader
        self._mine.farewell = _Farewell(lambda: self._end(reader))
        self._ring.enter(number)
        self._on_readers(count)
        return reader

    def _take(self, reader: _Reader) -> Call:
        call = Call(reader.number)
        if not self._wait(call, None):
            raise SystemExit
        reader.begun = time.monotonic()
        return call

    def _wait(self, call: Call, timeout: float | None) -> bool | None:
        """
        Do what `WorkerRing.take` does, and let other greenlets have their turns where threads have been replaced.
        """
        if patcher() is None:
            return self._ring.take(call, timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while (taken := self._ring.take(call, 0)) is None and (end is None or time.monotonic() < end):
            time.sleep(_TURN_SECONDS)  # the replaced one
        return taken

    def _reply(self, call: Call, code: int, data: bytes) -> None:
        self._ring.reply(call, RETURNED, max(INT_MIN, min(code, INT_MAX)), data)

    def _abandon(self, reader: _Reader, why: str) -> None:
        while reader.calls:
            text = f"the thread {reader.thread.name} did not answer this request: {why}"
            self._ring.log("E", text)
            self._ring.reply(reader.calls.popleft(), BAD_OUTPUT, 0, text.encode("utf-8", "replace"))

    def _end(self, reader: _Reader) -> None:
        """
        The calling thread ends, and *reader* with it.
        """
        self._abandon(reader, "it ended")
        self._ring.leave()
        with self._lock:
            self._readers.pop(reader.number, None)
            count = len(self._readers)
        self._on_readers(count)
