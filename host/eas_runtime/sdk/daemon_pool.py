"""
A few daemon threads for the user's code that runs beside `process`: injected handlers and listeners of properties.

Python waits for the threads of `concurrent.futures` when the process ends; a handler that hangs must not hold that up.
"""

import sys
import traceback
from typing import Callable

from eas_runtime.unpatched import SimpleQueue, start_thread


class DaemonPool:
    """
    Up to *count* threads. One is started at once, since later Python may start none (3.12, when the main thread has
    ended); the others as they are needed.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._started = 0
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._start_one()

    def submit(self, task: "Callable[[], None]") -> None:
        """
        Run *task* on one of the threads. If the system refuses to start another thread, those that exist run the task,
        or else the first that a later task starts.
        """
        self._tasks.put(task)
        if self._started < self._count:
            self._start_one()

    def _start_one(self) -> None:
        name = f"{self._name}-{self._started + 1}"
        try:
            start_thread(self._run, name)
        except RuntimeError as error:
            if self._started == 0 or "shutdown" not in str(error):
                print(f"{name} cannot be started: {error}; {self._tasks.qsize()} calls wait", file=sys.stderr)
        else:
            self._started += 1

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task()
            except BaseException:  # noqa: BLE001  also sys.exit() costs only this task
                traceback.print_exc()
