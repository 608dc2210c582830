"""
Writes to a descriptor in a thread of its own, so that whoever logs never waits for the reader.

Records wait in a queue of limited size. A full queue means that nobody reads: further records are dropped and counted
until half of the queue is written, and then a record with the count takes their place. If the reader has gone for good,
the records in the queue are lost, and so are later ones until there is a reader again. A write to a full disk is tried
again.

Each write ends at the end of a record and is small enough for a pipe to take it as a whole, so that output of others to
the same pipe never appears in the middle of a line.
"""

import contextlib
import errno
import os
import select
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Callable

from eas_runtime import at_fork
from eas_runtime.unpatched import allocate_lock, start_thread

MAX_QUEUED_BYTES = 1024 * 1024
"""Size of the queue: some thousand lines, so that a reader that has only been busy loses none."""
_ATOMIC_WRITE = select.PIPE_BUF
_RETRY_SECONDS = 1.0
_READER_GONE = (errno.EPIPE, errno.EBADF, errno.ENXIO)

if TYPE_CHECKING:
    from typing import Union

    _QueueItem = Union[tuple[bytes, int], threading.Lock]


class BackgroundWriter:
    """
    Writes to *fd*. *make_lost_record* makes the record that says how many records were dropped.
    """

    def __init__(self, fd: int, make_lost_record: "Callable[[int], bytes]") -> None:
        self._fd = fd
        self._make_lost_record = make_lost_record
        at_fork.register(after_in_child=self._begin)
        self._begin()

    def _begin(self) -> None:
        """
        Begin with an empty queue. A forked child has no thread, and must not write the records of its parent.
        """
        self._lock = allocate_lock()
        self._work = allocate_lock()  # held except while a waiting thread is woken
        self._work.acquire()
        self._queue: deque[_QueueItem] = deque()
        self._size = 0  # bytes in the queue and in the current write
        self._lost = 0
        self._lagging_since: float | None = None
        self._written_at = 0.0
        self._idle = False
        self._started = False

    def is_catching_up(self, seconds: float, longest: float) -> bool:
        """
        Tell whether output that can wait should wait, because the queue is more than half full. It should not once
        nothing was written for so many *seconds*, or the queue has been so full for the *longest* time.
        """
        since = self._lagging_since
        if since is None:
            return False
        now = time.monotonic()
        return now - max(since, self._written_at) < seconds and now - since < longest

    @property
    def is_empty(self) -> bool:
        """
        Whether everything is written.
        """
        return self._size == 0

    def start(self) -> None:
        """
        Start the thread now: when the system is short of threads, and there is most to log, it could not be started.
        """
        with self._lock:
            if not self._started:
                self._start()

    def put(self, data: bytes, records: int = 1) -> None:
        """
        Queue *data*, which consists of so many whole *records*. This never waits.
        """
        with self._lock:
            full = self._size and self._size + len(data) > MAX_QUEUED_BYTES
            if full or (self._lost and self._lagging_since is not None):
                self._lost += records
                return
            self._report_lost()
            self._append((data, records))
            self._resize(len(data))

    def flush(self, seconds: float, longest: float = 0.0) -> bool:
        """
        Wait until everything is written, and tell whether it is. Give up when nothing was written for so many
        *seconds*; as long as something is, wait for at most the *longest* time, if that is more.
        """
        until = time.monotonic() + longest
        written = allocate_lock()
        written.acquire()
        with self._lock:
            self._report_lost()
            if not self._started and not self._queue:
                return True
            self._append(written)
        while True:
            before = self._size
            if written.acquire(timeout=seconds):
                return True
            if self._size >= before or time.monotonic() >= until:
                return False

    def _append(self, what: "_QueueItem") -> None:
        self._queue.append(what)
        if not self._started:
            self._start()
        elif self._idle:
            self._idle = False
            self._work.release()

    def _start(self) -> None:
        """
        Start the thread. If the system cannot start one, the next record tries it again.
        """
        with contextlib.suppress(RuntimeError):
            start_thread(self._run, "eas-writer")
            self._started = True

    def _report_lost(self) -> None:
        """
        Add a record to the queue that says how many were dropped after those in it.
        """
        if self._lost:
            notice = self._make_lost_record(self._lost)
            self._append((notice, self._lost))
            self._resize(len(notice))
            self._lost = 0

    def _resize(self, change: int) -> None:
        self._size += change
        if self._size <= MAX_QUEUED_BYTES // 2:
            self._lagging_since = None
        elif self._lagging_since is None:
            self._lagging_since = time.monotonic()

    # -- the thread

    def _run(self) -> None:
        while True:
            parts, records = self._take()
            if parts:
                data = b"".join(parts)
                written = self._write(data)
                with self._lock:
                    self._resize(-len(data))
                    self._written_at = time.monotonic()
                    if not written:
                        self._lost += records
                    elif self._lagging_since is None:
                        self._report_lost()

    def _take(self) -> "tuple[list[bytes], int]":
        """
        Return the next records, as many as one write may have; none if the next item is a flush that waits.
        """
        with self._lock:
            idle = self._idle = not self._queue
        if idle:  # the local value: whoever has added an item since then has released the lock
            self._work.acquire()
        parts: list[bytes] = []
        size = records = 0
        with self._lock:
            while self._queue:
                first = self._queue[0]
                if not isinstance(first, tuple):
                    if not parts:
                        self._queue.popleft()
                        first.release()
                    break
                if parts and size + len(first[0]) > _ATOMIC_WRITE:
                    break
                self._queue.popleft()
                parts.append(first[0])
                size += len(first[0])
                records += first[1]
        return parts, records

    def _write(self, data: bytes) -> bool:
        """
        Write all of *data*, and tell whether there is a reader.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # another process that shares the descriptor has made it non-blocking
                select.select([], [self._fd], [])
            except OSError as error:
                if error.errno in _READER_GONE:
                    return False
                time.sleep(_RETRY_SECONDS)
        return True
