"""
Limits how much of the front's time goes into reading the pipes of workers, all of them together.

A processor may print faster than the front can log. So time is divided into periods, and once reading has used its
share of one, the pipes wait for the next: what does not fit into a pipe keeps the processor waiting in its print. Pipes
also wait while the log's own reader is behind, so that a slow reader loses nothing; but not for long, since a reader
that has stopped must not stop a processor.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from eas_host import log

_PERIOD_SECONDS: Final = 0.005
_SHARE_SECONDS: Final = 0.0015
"""The share of each period; requests are handled in between, and wait that long at most."""


class ReadQuota:
    """
    The time that all readers on *loop* share.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._spent = 0.0  # seconds of this period
        self._running = False  # whether a period has begun, whose end is scheduled
        self._waiting: deque[Callable[[], None]] = deque()

    def allows(self, *, urgent: bool = False) -> bool:
        """
        Tell whether a reader may read now; if not, it must `wait`. An *urgent* one does not wait for the log's reader.
        """
        return self._spent < _SHARE_SECONDS and (urgent or not log.is_catching_up())

    def wait(self, resume: Callable[[], None]) -> None:
        """
        Call *resume* in the next period.
        """
        self._begin()
        self._waiting.append(resume)

    def run(self, read: Callable[[], None]) -> None:
        """
        Call *read*, and count the time that it takes.
        """
        self._begin()
        start = time.perf_counter()
        read()
        self._spent += time.perf_counter() - start

    def _begin(self) -> None:
        if not self._running:
            self._running = True
            self._loop.call_later(_PERIOD_SECONDS, self._end)

    def _end(self) -> None:
        self._running = False
        self._spent = 0.0
        waiting, self._waiting = self._waiting, deque()
        for resume in waiting:
            try:
                resume()
            except Exception:  # noqa: BLE001  a bug of ours costs this reader, not the others
                log.exception("internal error while reading the output of a worker")


_quotas: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ReadQuota]] = WeakKeyDictionary()


def quota_of(loop: asyncio.AbstractEventLoop) -> ReadQuota:
    """
    Return the quota that all readers on *loop* share, the same one each time.
    """
    if (quota := _quotas.get(loop)) is None:
        quota = _quotas[loop] = ReadQuota(loop)
    return quota
