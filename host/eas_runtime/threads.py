"""
The threads that call python processors. Each takes a request, handles it, and takes the next one; or a batch.

A request is completed and the next one taken in one call of native code, which costs half of what two calls cost. A
batch is handled as a whole, or each of its requests by itself: when its call has failed, or it is one that must run
alone.

A handler returns what the request is answered with, or completes it. If it raises, that is a bug of the host: it is
logged and the request is answered, so that neither the request nor the thread is lost.
"""

import contextlib
import os
import sys
import time
import traceback
from typing import Callable, Optional, Sequence, Tuple

from eas_runtime.ring import BAD_OUTPUT, RETURNED, RingBatch, RingBatches, RingCall, WorkerRing
from eas_runtime.unpatched import Thread, allocate_lock, start_thread

RequestHandler = Callable[[RingCall], Optional[Tuple[int, bytes]]]
"""
Calls the processor with the input of a `RingCall` and returns the status and the output; None: it has completed the
call itself.
"""
BatchHandler = Callable[[RingBatch], bool]
"""
Calls the processor with the inputs of a `RingBatch`, and completes its requests. False: each is to run by itself.
"""


class WorkerThreads:
    """
    *count* threads that take requests from *ring*. Each makes its own handler with *make_handler*, of its number. A
    thread that takes a call which was parked calls *resume* with it. With *batches* they take those, which the handler
    beside them gets.
    """

    def __init__(
        self,
        ring: WorkerRing,
        count: int,
        make_handler: "Callable[[int], RequestHandler]",
        resume: "Callable[[RingCall], None]",
        batches: "tuple[RingBatches, BatchHandler] | None" = None,
    ) -> None:
        self._ring = ring
        self._go_on = resume
        ring.on_resumed(self._resume)
        self._make_handler = make_handler
        self._batches = batches
        self._lock = allocate_lock()
        self._threads: dict[int, Thread] = {}
        self._start_times: dict[int, float] = {}
        self.count = 0
        self.resize(count)

    def resize(self, count: int) -> None:
        """
        Change the number of threads to *count*. New ones start at once; surplus ones end after their next request.
        """
        with self._lock:
            self.count = count
            fresh = [number for number in range(count) if number not in self._threads]
            for number in fresh:
                self._threads[number] = start_thread(self._run, f"worker-thread-{number}", number)

    def join(self, timeout: "float | None" = None) -> bool:
        """
        Wait until all threads have ended, *timeout* seconds at most for each, and tell whether they have.
        """
        threads = list(self._threads.values())
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)

    def busy(self) -> "list[tuple[Thread, float]]":
        """
        Return the threads, each with the time (`time.monotonic`) when it began its last request or batch, which may
        have ended since.
        """
        start_times = list(self._start_times.items())
        return [(self._threads[number], start) for number, start in start_times if number in self._threads]

    def _run(self, number: int) -> None:
        _use_batch_scheduling()
        if self._batches is None:
            self._run_requests(number)
        else:
            self._run_batches(number, *self._batches)
        _detach_from_jvm()

    def _run_requests(self, number: int) -> None:
        ring = self._ring
        call = ring.enter(number)
        handle = self._make_handler(number)
        start_times = self._start_times
        monotonic = time.monotonic
        taken = ring.take(call)
        while taken:
            start_times[number] = monotonic()
            try:
                answer = handle(call)
                if answer is not None and number < self.count:
                    taken = call.answer_and_take(*answer)
                    continue
                if answer is not None:
                    ring.reply(call, RETURNED, *answer)
            except BaseException:  # noqa: BLE001  the thread must survive, whatever happens
                self._fail([call])
            if number >= self.count and self._retire(number):
                break
            taken = ring.take(call)

    def _run_batches(self, number: int, batches: RingBatches, handle_batch: BatchHandler) -> None:
        batch = batches.enter(number)
        handle = self._make_handler(number)
        while batch.take():
            self._start_times[number] = time.monotonic()
            try:
                answered = not batch.alone and handle_batch(batch)
            except BaseException:  # noqa: BLE001  as above
                self._fail(batch.calls)
                answered = True
            if not answered:
                self._run_singly(number, batch.calls, handle)
            if number >= self.count and self._retire(number):
                break

    def _run_singly(self, number: int, calls: "Sequence[RingCall]", handle: RequestHandler) -> None:
        for call in calls:
            self._start_times[number] = time.monotonic()
            try:
                answer = handle(call)
                if answer is not None:
                    self._ring.reply(call, RETURNED, *answer)
            except BaseException:  # noqa: BLE001  as above
                self._fail([call])

    def _fail(self, calls: "Sequence[RingCall]") -> None:
        """
        Log the exception that is handled now, and answer those of *calls* that are not complete.
        """
        self._ring.log("E", f"internal error while calling the processor\n{traceback.format_exc()}")
        for call in calls:
            self._ring.reply(call, BAD_OUTPUT, 0, b"internal error of the host; its log has the trace")

    def _resume(self, call: RingCall) -> None:
        self._start_times[call.thread] = time.monotonic()
        try:
            self._go_on(call)
        except BaseException:  # noqa: BLE001  as above
            self._fail([call])

    def _retire(self, number: int) -> bool:
        with self._lock:
            if number < self.count:
                return False  # it is needed again
            del self._threads[number]
            self._start_times.pop(number, None)
        self._ring.leave()
        return True


def _detach_from_jvm() -> None:
    """
    Detach the calling thread, which is about to end, from the JVM of this process, if there is one.

    To HotSpot a thread that is gone without that still runs native code, and the JVM waits for it at its own end: 0.3 s
    at most. A JVM that a Python program has started on this very thread would wait for ever.
    """
    jpype = sys.modules.get("jpype")
    if jpype is not None and jpype.isJVMStarted():
        with contextlib.suppress(RuntimeError):  # the JVM ends at this moment
            jpype.JClass("java.lang.Thread").detach()


def _use_batch_scheduling() -> None:
    """
    Make the calling thread, when it is woken, wait for the core until the thread that runs there pauses.

    Threads that share an interpreter wake one another all the time, since each releases the interpreter's lock whenever
    it waits or computes outside of it. By default the kernel lets a woken thread take the core from the thread that
    woke it, in the middle of that thread's work. Measured with five threads on two cores: an echo in Python serves 1.35
    times as many requests; where another program keeps all cores busy, about a quarter fewer. Of the user's own threads
    and processes only those that `process` starts inherit this policy.
    """
    if os.sched_getscheduler(0) == os.SCHED_OTHER:  # else the user has chosen another policy
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
