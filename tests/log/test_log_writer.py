"""
The thread that writes the log is interrupted at the worst moment.
"""

from __future__ import annotations

import os
import threading

from eas_runtime.log.writer import BackgroundWriter
from support import TIMEOUT


class Interrupted:
    """
    A lock for *writer* around its *real* one, which stops its thread just after that has found nothing to write.
    """

    def __init__(self, writer: BackgroundWriter, real: threading.Lock) -> None:
        self.reached, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self._writer = writer
        self._real = real
        self._test = threading.get_ident()

    def __enter__(self) -> None:
        self._real.acquire()

    def __exit__(self, *_: object) -> None:
        idle = self._writer._idle
        self._real.release()
        if idle and threading.get_ident() != self._test:
            self.reached.release()
            assert self.go_on.acquire(timeout=TIMEOUT)


def test_record_put_while_the_thread_falls_asleep_is_written() -> None:
    """The record wakes the thread once, and so does the next one."""
    read, write = os.pipe()
    writer = BackgroundWriter(write, lambda count: b"lost %d\n" % count)
    lock = writer._lock = Interrupted(writer, writer._lock)
    writer.start()
    with open(read, "rb") as lines:  # noqa: PTH123  a descriptor
        for number in range(5):
            assert lock.reached.acquire(timeout=TIMEOUT)
            writer.put(b"%d\n" % number)
            lock.go_on.release()
            assert lines.readline() == b"%d\n" % number
        assert lock.reached.acquire(timeout=TIMEOUT)
        assert writer.is_empty
        lock.go_on.release()
    os.close(write)
