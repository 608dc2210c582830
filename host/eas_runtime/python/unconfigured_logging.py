"""
What a program logs that has set up no logging: records of the host's log, with its time, its level and the worker.

A handler of the root logger would keep the program's own `logging.basicConfig` from having an effect. So this is the
handler that Python uses where it finds no other, which prints bare messages; its level is that one's, too. Where the
program sets up its logging, its records have its own level and form.
"""

import logging
import os

from eas_runtime.ring import WorkerRing


class UnconfiguredLogging(logging.Handler):
    """
    Writes records to the host's log, over *ring*.
    """

    def __init__(self, ring: WorkerRing) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self._ring = ring
        self._process = os.getpid()
        self._before = logging.lastResort

    def emit(self, record: logging.LogRecord) -> None:
        """
        Write *record*.
        """
        if os.getpid() == self._process:
            self._ring.log("E" if record.levelno >= logging.ERROR else "W", self.format(record))
        elif self._before is not None:  # a process that the program has forked has no ring
            self._before.handle(record)


def report(ring: WorkerRing) -> None:
    """
    Write what a program without a logging of its own logs to the host's log, over *ring*.
    """
    logging.lastResort = UnconfiguredLogging(ring)
