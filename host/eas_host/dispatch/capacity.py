"""
How many requests may be in the ring: those that the workers have under way, and `rpc.max_queue_size` that wait.

A worker has under way what its threads run, each one request or a batch; or as many as it says, if it answers requests
later than its threads take them (`--max-in-flight`).

Both numbers may change while the host runs: a program puts a property, or a program that reads requests itself starts
one more thread to read them. The ring's slots are made once, so their number bounds the capacity.
"""

from __future__ import annotations

from eas_host import log
from eas_host.dispatch.dispatcher import Dispatcher


class Capacity:
    """
    Keeps the capacity of *dispatcher* up to date.

    Args:
        dispatcher: refuses requests beyond its capacity.
        slots: the largest capacity that it may get.
        queue: requests that may wait.
        processes: how many worker processes there are.
        threads: how many threads each of them has, until it reports another number.
    """

    def __init__(self, dispatcher: Dispatcher, slots: int, queue: int, processes: int, threads: int) -> None:
        self._dispatcher = dispatcher
        self._slots = slots
        self._queue = queue
        self._processes = processes
        self._threads = threads
        self._reported: dict[int, int] = {}  # threads, by worker
        self._batches: dict[int, int] = {}  # requests that a thread runs at once, by worker, if more than one
        self._in_flight: dict[int, int] = {}  # requests that a worker has under way at once, if it says so
        self._tell_dispatcher()

    @property
    def queue(self) -> int:
        """
        How many requests may wait: fewer than were asked for if there are no slots for them.
        """
        return max(0, min(self._queue, self._slots - self._running()))

    @property
    def threads(self) -> int:
        """
        How many threads take requests, over all workers.
        """
        return sum(self.threads_of(worker) for worker in range(self._processes))

    def threads_of(self, worker: int) -> int:
        """
        How many threads of *worker* take requests.
        """
        return self._reported.get(worker, self._threads)

    def set_queue(self, queue: int) -> None:
        """
        Let *queue* requests wait.
        """
        self._queue = queue
        self._apply()

    def set_threads(self, worker: int, threads: int) -> None:
        """
        Count *threads* threads for *worker*, which has reported that so many take requests.
        """
        self._reported[worker] = threads
        self._apply()

    def set_batch(self, worker: int, size: int) -> None:
        """
        Count *size* requests for each thread of *worker*, which takes so many at once.
        """
        if size != self._batches.get(worker, 1):
            self._batches[worker] = size
            self._apply()

    def set_max_in_flight(self, worker: int, requests: int) -> None:
        """
        Count *requests* for *worker*, whatever its threads; 0: as many as its threads run.
        """
        if requests != self._in_flight.get(worker, 0):
            self._in_flight[worker] = requests
            self._apply()

    def set_processes(self, processes: int) -> None:
        """
        Count *processes* workers from here on.
        """
        self._processes = processes
        self._apply()

    def _apply(self) -> None:
        wanted = self._queue + self._running()
        if wanted > self._slots:
            log.warning(
                "%d requests may be in the host at once, not %d: set --max-queue-size at the start to have more",
                self._slots,
                wanted,
            )
        self._tell_dispatcher()

    def _tell_dispatcher(self) -> None:
        threads, running = self.threads, self._running()
        # A thread that runs a small batch takes no more for now, so what waits is limited by itself, too, from where on
        # each thread may have a request, as without batches. Requests that no thread keeps are taken as they come.
        waiting = self.queue if any(size > 1 for size in self._batches.values()) else 0
        self._dispatcher.set_capacity(min(self._queue + running, self._slots), waiting, self.queue + threads)
        self._dispatcher.set_threads(threads)

    def _running(self) -> int:
        """
        How many requests run at once at most.
        """
        return sum(map(self._running_on, range(self._processes)))

    def _running_on(self, worker: int) -> int:
        return self._in_flight.get(worker, 0) or self.threads_of(worker) * self._batches.get(worker, 1)
