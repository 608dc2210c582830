"""
The threads that call java and python processors: take, handle, complete, for ever.

A handler completes each call exactly once. If it raises, that is a bug of ours: it is logged and the request answered,
so that neither the request nor the thread is lost.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Callable

from eas_host.ring import BAD_OUTPUT, Call, WorkerRing
from eas_host.unpatched import Thread, allocate_lock, start_thread

Handler = Callable[[Call], None]
"""Calls the processor with the input of a `Call` and completes it."""


class WorkerThreads:
    """
    *count* threads over *ring*; each makes its own handler with *make_handler*, and calls *leave* at its end.
    """

    def __init__(
        self,
        ring: WorkerRing,
        count: int,
        make_handler: Callable[[], Handler],
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._ring = ring
        self._make_handler = make_handler
        self._leave = leave
        self._lock = allocate_lock()
        self._threads: dict[int, Thread] = {}
        self._begun: dict[int, float] = {}
        self.count = 0
        self.resize(count)

    def resize(self, count: int) -> None:
        """
        Have *count* threads. More are started at once; one too many ends after its next request.
        """
        with self._lock:
            self.count = count
            fresh = [number for number in range(count) if number not in self._threads]
            for number in fresh:
                self._threads[number] = start_thread(self._run, f"worker-thread-{number}", number)

    def join(self, timeout: float | None = None) -> None:
        """
        Wait until all threads have ended, each for *timeout* seconds at most.
        """
        for thread in list(self._threads.values()):
            thread.join(timeout)

    def busy(self) -> list[tuple[Thread, float]]:
        """
        The threads, and when each began its last request (`time.monotonic`); it may have ended since.
        """
        return [
            (self._threads[number], begun) for number, begun in list(self._begun.items()) if number in self._threads
        ]

    def _run(self, number: int) -> None:
        _let_others_finish()
        ring = self._ring
        call = ring.enter(number)
        handle = self._make_handler()
        begun = self._begun
        monotonic = time.monotonic
        while ring.take(call):
            begun[number] = monotonic()
            try:
                handle(call)
            except BaseException:  # noqa: BLE001  the thread must survive whatever happens, and say it
                ring.log("E", f"internal error while calling the processor\n{traceback.format_exc()}")
                ring.reply(call, BAD_OUTPUT, 0, b"internal error of the host; its log has the trace")
            if number >= self.count and self._retire(number):
                break
        self._leave()

    def _retire(self, number: int) -> bool:
        with self._lock:
            if number < self.count:
                return False  # wanted again since
            del self._threads[number]
            self._begun.pop(number, None)
        self._ring.leave()
        return True


def _let_others_finish() -> None:
    """
    Have the calling thread, when it is wakened, wait for the core until the thread that runs there has finished.

    Threads that share an interpreter wake one another all the time, for each gives the interpreter's lock away whenever
    it waits or computes outside of it. By default the kernel lets who is wakened take the core from who did it, in the
    middle of its work. Measured with five threads on two cores: an echo in Python serves 1.35 times as many requests,
    in Java 1.6 times; where another program keeps all cores busy, about a quarter fewer than without. Of the user's own
    threads and processes only those that `process` starts inherit it.
    """
    if os.sched_getscheduler(0) == os.SCHED_OTHER:  # else somebody wants it otherwise
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
