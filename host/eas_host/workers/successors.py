"""
Replaces workers without a gap: the next one loads while the one whose place it takes still serves.

Both exist at once, so the successor has a number of its own: one that is free. The ring has room for one worker more
than there are; if two are to be replaced at once, the second waits for the first.
"""

from __future__ import annotations

from collections.abc import Callable

from eas_host import log
from eas_host.workers.worker import Worker
from eas_runtime.messages import LogStacks


class Successors:
    """
    The successors among *workers*, whose numbers are below *room*. *start* starts one that was added there.
    """

    def __init__(self, workers: list[Worker], room: int, start: Callable[[Worker], None]) -> None:
        self._workers = workers
        self._room = room
        self._start = start

    def free_numbers(self) -> list[int]:
        """
        List the numbers that no worker has.
        """
        used = {worker.number for worker in self._workers}
        return [number for number in range(self._room) if number not in used]

    def begin(self, worker: Worker, why: str) -> None:
        """
        Start the successor of *worker*, which is to be replaced; *why* is logged, with the stacks of its threads.
        """
        free = self.free_numbers()
        if not free or worker.suspects.busy or worker.process is None:
            return  # the next check tries it again
        log.error("worker %d: %s; worker %d takes its place as soon as it is ready", worker.number, why, free[0])
        worker.process.send(LogStacks(why))
        successor = Worker(free[0], worker.threads)
        successor.started = True  # it counts as a restart
        successor.replaces = worker
        worker.successor = successor
        self._workers.append(successor)
        self._start(successor)

    def ready(self, successor: Worker) -> None:
        """
        Kill the worker whose place *successor*, which is ready, takes, if there is one.
        """
        if successor.replaces is not None:
            successor.replaces.kill()

    def is_replaced(self, worker: Worker) -> bool:
        """
        Tell whether *worker*, which has ended, has a successor. If so, it is no worker any more.
        """
        if worker.successor is None:
            return False
        worker.successor.replaces = None
        self._workers.remove(worker)
        return True
