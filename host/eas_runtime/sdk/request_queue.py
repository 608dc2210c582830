"""
Requests that a Python program reads itself, from any of its threads (`allspark.QueuedService`).

Each thread that reads gets a number in the ring, and the queue keeps what it has read and not answered. If the thread
reads on, or ends, those requests are answered 500 and the log names the thread. A request that was read with a number
of its own belongs to no thread: any thread may answer it, once.
"""

import itertools
import os
import sys
import threading
import time
from collections import deque
from typing import Callable, Sequence

from eas_runtime.ring import BAD_OUTPUT, RETURNED, RingCall, RingReader, WorkerRing
from eas_runtime.sdk.result_encoder import INT_MAX, INT_MIN
from eas_runtime.unpatched import Thread, allocate_lock, patcher

MAX_READERS = 4095
_POLL_SECONDS = 0.005
"""How often a greenlet looks for a request; other greenlets run meanwhile."""


class _Reader:
    """
    A thread that reads: its number, how it takes requests, and what it has read and not answered yet.
    """

    def __init__(self, ring: WorkerRing, number: int) -> None:
        self.thread = threading.current_thread()
        self.number = number
        self.ring = RingReader(ring, number)
        self.calls: deque[RingCall] = deque()
        self.start_time = 0.0


class _ThreadEndHook:
    """
    Calls *on_end* when its thread ends: a `threading.local` that holds it drops it then.
    """

    def __init__(self, on_end: "Callable[[], None]") -> None:
        self._on_end = on_end
        self._process = os.getpid()

    def __del__(self) -> None:
        # A forked child drops the objects of threads that it does not have; these live on in the parent.
        if not sys.is_finalizing() and os.getpid() == self._process:
            self._on_end()


class RequestQueue:
    """
    Reads requests from *ring*. *on_readers* is called with the number of threads that read, when it changes.
    """

    def __init__(self, ring: WorkerRing, on_readers: "Callable[[int], None]") -> None:
        self._ring = ring
        self._on_readers = on_readers
        self._process = os.getpid()
        self._lock = allocate_lock()
        self._local: threading.local | None = None
        self._readers: dict[int, _Reader] = {}
        self._numbered: dict[int, RingCall] = {}
        self._numbers = itertools.count(1)

    # -- reading

    def read(self) -> bytes:
        """
        Wait for a request; this thread is to answer it.

        Raises:
            SystemExit: the service stops.
        """
        reader = self._reader()
        self._fail_unanswered(reader, "it read the next request")
        call = reader.ring.place(0)
        self._take(reader, call)
        reader.calls.append(call)
        return call.input()

    def read_upto(self, batch_size: int, timeout_ms: int) -> "list[bytes]":
        """
        Wait for up to *batch_size* requests, *timeout_ms* milliseconds in all, and return what came, perhaps nothing.
        With a negative time-out wait for the first as long as it takes, and return what is there then.

        Raises:
            SystemExit: the service stops.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}")
        reader = self._reader()
        self._fail_unanswered(reader, "it read the next requests")
        end = time.monotonic() + timeout_ms / 1000
        held = 0
        while held < batch_size:
            call = reader.ring.place(held)
            taken = self._wait(call, None if timeout_ms < 0 and held == 0 else max(0.0, end - time.monotonic()))
            if taken is False and held == 0:
                raise SystemExit
            if not taken:
                break
            reader.start_time = time.monotonic()
            reader.calls.append(call)
            reader.calls += reader.ring.take_more(held + 1, batch_size - held - 1)
            held = len(reader.calls)
        return [call.input() for call in reader.calls]

    def read_with_id(self) -> "tuple[bytes, int]":
        """
        Wait for a request that any thread may answer.

        Raises:
            SystemExit: the service stops.
        """
        reader = self._reader()
        call = RingCall(reader.number)
        self._take(reader, call)
        number = next(self._numbers)
        self._numbered[number] = call
        return call.input(), number

    # -- answering

    def answer(self, code: int, data: bytes) -> None:
        """
        Answer the oldest request that this thread holds.

        Raises:
            RuntimeError: it holds none.
        """
        calls = self._unanswered()
        if not calls:
            raise RuntimeError("this thread has no request to answer: each write or error needs a read before it")
        self._reply(calls.popleft(), code, data)

    def answer_many(self, answers: "Sequence[tuple[int, bytes]]") -> None:
        """
        Answer the requests that this thread holds, in order.

        Raises:
            ValueError: there are more or fewer answers than requests. As many as possible have been answered.
        """
        calls = self._unanswered()
        held = len(calls)
        try:
            self._ring.begin_reports()
            for code, data in answers[:held]:
                self._reply(calls.popleft(), code, data)
        finally:
            self._ring.end_reports()
        if len(answers) != held:
            raise ValueError(f"{len(answers)} answers for the {held} requests that this thread has read")

    def answer_id(self, code: int, data: bytes, number: int) -> None:
        """
        Answer request *number*, which any thread has read with `read_with_id`.

        Raises:
            ValueError: there is no such request, or it is answered already.
        """
        call = self._numbered.pop(number, None)  # atomic: two threads cannot both get it
        if call is None:
            raise ValueError(f"there is no request {number}: it is answered already, or was never read")
        self._reply(call, code, data)

    # -- internals

    def busy(self) -> "list[tuple[Thread, float]]":
        """
        Return the threads that hold a request, each with the time (`time.monotonic`) when it read its last one.
        """
        with self._lock:
            return [(reader.thread, reader.start_time) for reader in self._readers.values() if reader.calls]

    @property
    def _thread_state(self) -> threading.local:
        """
        The state of each thread, or of each greenlet if the program has replaced threads before it reads.
        """
        if self._local is None:
            with self._lock:
                self._local = self._local or threading.local()
        return self._local

    def _unanswered(self) -> "deque[RingCall]":
        reader: _Reader | None = getattr(self._thread_state, "reader", None)
        return reader.calls if reader is not None else deque()

    def _reader(self) -> _Reader:
        if os.getpid() != self._process:
            raise RuntimeError(
                f"requests are read by the process that has opened the service, {self._process}, and not by those that"
                " it forks; use threads, or a BaseProcessor with worker_processes"
            )
        reader: _Reader | None = getattr(self._thread_state, "reader", None)
        return self._new_reader() if reader is None else reader

    def _new_reader(self) -> _Reader:
        with self._lock:
            number = next((number for number in range(MAX_READERS) if number not in self._readers), None)
            if number is None:
                raise RuntimeError(f"{MAX_READERS} threads read requests already; there cannot be more")
            reader = self._readers[number] = _Reader(self._ring, number)
            count = len(self._readers)
        self._thread_state.reader = reader
        self._thread_state.end_hook = _ThreadEndHook(lambda: self._end(reader))
        self._ring.enter(number)
        self._on_readers(count)
        return reader

    def _take(self, reader: _Reader, call: RingCall) -> None:
        if not self._wait(call, None):
            raise SystemExit
        reader.start_time = time.monotonic()

    def _wait(self, call: RingCall, timeout: "float | None") -> "bool | None":
        """
        Do what `WorkerRing.take` does. Where threads have been replaced, let other greenlets run meanwhile.
        """
        if patcher() is None:
            return self._ring.take(call, timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            taken = self._ring.take(call, 0)
            if taken is not None or (end is not None and time.monotonic() >= end):
                return taken
            time.sleep(_POLL_SECONDS)  # the replaced one

    def _reply(self, call: RingCall, code: int, data: bytes) -> None:
        self._ring.reply(call, RETURNED, max(INT_MIN, min(code, INT_MAX)), data)

    def _fail_unanswered(self, reader: _Reader, why: str) -> None:
        while reader.calls:
            text = f"the thread {reader.thread.name} did not answer this request: {why}"
            self._ring.log("E", text)
            self._ring.reply(reader.calls.popleft(), BAD_OUTPUT, 0, text.encode("utf-8", "replace"))

    def _end(self, reader: _Reader) -> None:
        """
        Remove *reader*, whose thread is the calling one and is ending.
        """
        self._fail_unanswered(reader, "it ended")
        self._ring.leave()
        with self._lock:
            self._readers.pop(reader.number, None)
            count = len(self._readers)
        self._on_readers(count)
