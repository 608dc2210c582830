"""
Gives the frames in a worker's log records their files and lines (`trace`).

What is known is put in at once. Otherwise the record, and those that follow it, wait for the symbolizer, so that the
log keeps its order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from eas_host.symbols import trace
from eas_host.symbols.locator import Locator

_MOST_WAITING: Final = 1000
"""Records. A processor that logs faster than its frames are found gets them as they are."""


class LocatedRecords:
    """
    Passes records of a worker on to *log_record*, which gets their level and text.
    """

    def __init__(self, locator: Locator, log_record: Callable[[str, str], None]) -> None:
        self._locator = locator
        self._log_record = log_record
        self._waiting: deque[tuple[str, str]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._then: Callable[[], None] = lambda: None

    def receive(self, level: str, text: str) -> None:
        """
        Pass on a record, now or when its frames are located.
        """
        if self._task is None:
            located = trace.locate_known(text, self._locator)
            if located is not None:
                self._log_record(level, located)
                return
            self._task = asyncio.ensure_future(self._locate_waiting())
        self._waiting.append((level, text))
        if len(self._waiting) > _MOST_WAITING:
            while self._waiting:
                self._log_record(*self._waiting.popleft())

    def finish(self, then: Callable[[], None]) -> None:
        """
        Call *then* once all records are passed on.
        """
        if self._task is None:
            then()
        else:
            self._then = then

    async def _locate_waiting(self) -> None:
        while self._waiting:
            level, text = self._waiting[0]
            located = await trace.locate(text, self._locator)
            if self._waiting and self._waiting[0] == (level, text):  # else it has been passed on meanwhile
                self._waiting.popleft()
                self._log_record(level, located)
        self._task = None
        self._then()
