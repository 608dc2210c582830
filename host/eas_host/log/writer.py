"""
Writes to a descriptor in a thread of its own, so that whoever logs never waits for whoever reads.

What is to be written waits in a queue with a bound. A full queue means that nobody reads: further records are dropped
and counted until half of the queue is written, and then the count is written where they are missing. A reader that is
gone for good costs what was on its way to it, and so do records that come later, until somebody reads again. A disk
that is full is tried again.

Each write ends where a record ends and is of a size that a pipe takes as a whole, so that what others write to the same
pipe never comes in the middle of a line.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Union

from eas_host.unpatched import allocate_lock, start_thread

MOST: Final = 1024 * 1024
"""Bytes that may wait: some thousand lines, which a reader that has only been busy catches up with."""
_WHOLE: Final = select.PIPE_BUF
_RETRY_SECONDS: Final = 1.0
_NOBODY_READS: Final = (errno.EPIPE, errno.EBADF, errno.ENXIO)

_Waiting = Union[tuple[bytes, int], "threading.Lock"]


class Writer:
    """
    Writes to *fd*. *tell_lost* makes the record that says how many are missing.
    """

    def __init__(self, fd: int, tell_lost: Callable[[int], bytes]) -> None:
        self._fd = fd
        self._tell_lost = tell_lost
        os.register_at_fork(after_in_child=self._begin)
        self._begin()

    def _begin(self) -> None:
        """
        Begin empty. A forked child has neither the thread nor a claim to what its parent has to say.
        """
        self._lock = allocate_lock()
        self._work = allocate_lock()  # held, but for a moment when there is work for a thread that waits for it
        self._work.acquire()
        self._queue: deque[_Waiting] = deque()
        self._size = 0  # bytes in the queue and on their way out of it
        self._lost = 0
        self._behind_since: float | None = None
        self._idle = False
        self._started = False

    @property
    def behind(self) -> float:
        """
        For how many seconds more than half of the queue has been full: what can wait had better do so.
        """
        since = self._behind_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def empty(self) -> bool:
        """
        Whether all is written.
        """
        return self._size == 0

    def start(self) -> None:
        """
        Have the thread at once: in want of threads, when there is most to say, none could be started.
        """
        with self._lock:
            if not self._started:
                self._start()

    def put(self, data: bytes, records: int = 1) -> None:
        """
        Have *data* written, which is that many whole *records*. Never waits.
        """
        with self._lock:
            full = self._size and self._size + len(data) > MOST
            if full or (self._lost and self._behind_since is not None):
                self._lost += records
                return
            self._confess()
            self._append((data, records))
            self._resize(len(data))

    def flush(self, seconds: float) -> bool:
        """
        Wait until all is written, for that many *seconds* at most, and tell whether it is.
        """
        written = allocate_lock()
        written.acquire()
        with self._lock:
            self._confess()
            if not self._started and not self._queue:
                return True
            self._append(written)
        done: bool = written.acquire(timeout=seconds)
        return done

    def _append(self, what: _Waiting) -> None:
        self._queue.append(what)
        if not self._started:
            self._start()
        elif self._idle:
            self._idle = False
            self._work.release()

    def _start(self) -> None:
        """
        Start the thread. Where the system lets no more be started, the next record tries it again.
        """
        with contextlib.suppress(RuntimeError):
            start_thread(self._run, "eas-writer")
            self._started = True

    def _confess(self) -> None:
        """
        Say at the end of the queue how many records were dropped behind it.
        """
        if self._lost:
            notice = self._tell_lost(self._lost)
            self._append((notice, self._lost))
            self._resize(len(notice))
            self._lost = 0

    def _resize(self, change: int) -> None:
        self._size += change
        if self._size <= MOST // 2:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = time.monotonic()

    # -- the thread

    def _run(self) -> None:
        while True:
            parts, records = self._take()
            if parts:
                data = b"".join(parts)
                written = self._write(data)
                with self._lock:
                    self._resize(-len(data))
                    if not written:
                        self._lost += records
                    elif self._behind_since is None:
                        self._confess()

    def _take(self) -> tuple[list[bytes], int]:
        """
        The next records, as many as one write may have; none where somebody waited for those before to be written.
        """
        with self._lock:
            idle = self._idle = not self._queue
        if idle:  # and not what it is by now: who has added something since has released the lock
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
                if parts and size + len(first[0]) > _WHOLE:
                    break
                self._queue.popleft()
                parts.append(first[0])
                size += len(first[0])
                records += first[1]
        return parts, records

    def _write(self, data: bytes) -> bool:
        """
        Write all of *data*, and tell whether anybody is there to read it.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # somebody who shares it has made it so
                select.select([], [self._fd], [])
            except OSError as error:
                if error.errno in _NOBODY_READS:
                    return False
                time.sleep(_RETRY_SECONDS)
        return True
