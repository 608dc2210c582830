"""
The threads that call java and python processors: take, handle, complete, for ever.

A handler completes each call exactly once. If it raises, that is a bug of ours: it is logged and the request answered,
so that neither the request nor the thread is lost.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from eas_host.ring import BAD_OUTPUT, Call, WorkerRing

Handler = Callable[[Call], None]
"""Calls the processor with the input of a `Call` and completes it."""


class WorkerThreads:
    """
    *count* threads over *ring*; each makes its own handler with *make_handler*.
    """

    def __init__(self, ring: WorkerRing, count: int, make_handler: Callable[[], Handler]) -> None:
        self._ring = ring
        self._make_handler = make_handler
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"worker-thread-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """
        Wait until all threads have ended.
        """
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        ring = self._ring
        call = ring.enter(number)
        handle = self._make_handler()
        while ring.take(call):
            try:
                handle(call)
            except BaseException:  # noqa: BLE001  the thread must survive whatever happens, and say it
                ring.log("E", f"internal error while calling the processor\n{traceback.format_exc()}")
                ring.reply(call, BAD_OUTPUT, 0, b"internal error of the host; its log has the trace")
