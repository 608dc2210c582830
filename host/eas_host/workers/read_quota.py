"""
What reading the pipes of workers may cost the front: a share of its time, over all of them.

A processor may print faster than the front can log. So time is cut into turns, and once reading has had its share of
one, the pipes wait for the next: what does not fit into a pipe keeps the processor waiting in its print. The same holds
while the log's own reader is behind, so that a slow one loses nothing; but not for long, since one that has stopped
reading must not stop a processor.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from eas_host import log

_TURN_SECONDS: Final = 0.005
_SHARE_SECONDS: Final = 0.0015
"""Of each turn; in between come requests, which wait that long at most."""
_PATIENCE_SECONDS: Final = 1.0
"""How long processors wait for a reader of the log that is behind. One that takes 512 KiB in it loses nothing."""


class Turns:
    """
    The turns of *loop*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._spent = 0.0
        self._running = False  # a turn; its end is on its way
        self._waiting: deque[Callable[[], None]] = deque()

    def allows(self, *, urgent: bool = False) -> bool:
        """
        Whether somebody may read now; otherwise it is to `wait`. What is *urgent* does not wait for the log's reader.
        """
        return self._spent < _SHARE_SECONDS and (urgent or not 0 < log.lag_seconds() < _PATIENCE_SECONDS)

    def wait(self, resume: Callable[[], None]) -> None:
        """
        Call *resume* in the next turn.
        """
        self._begin()
        self._waiting.append(resume)

    def run(self, read: Callable[[], None]) -> None:
        """
        Call *read*, at the expense of this turn.
        """
        self._begin()
        start = time.perf_counter()
        read()
        self._spent += time.perf_counter() - start

    def _begin(self) -> None:
        if not self._running:
            self._running = True
            self._loop.call_later(_TURN_SECONDS, self._end)

    def _end(self) -> None:
        self._running = False
        self._spent = 0.0
        waiting, self._waiting = self._waiting, deque()
        for resume in waiting:
            try:
                resume()
            except Exception:  # noqa: BLE001  a bug of ours costs this reader, not the others
                log.exception("internal error while reading the output of a worker")


_all: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Turns]] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """
    The turns of *loop*, which all of its readers share.
    """
    if (turns := _all.get(loop)) is None:
        turns = _all[loop] = Turns(loop)
    return turns
