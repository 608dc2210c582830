"""
Lines in the log that clients cause: each kind once in `_INTERVAL` seconds, since a scanner must not be able to fill it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from eas_host import log

_INTERVAL: Final = 60.0


class ThrottledLog:
    """
    Counts the lines that it suppresses, and tells their number with the next line of their kind.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def warn(self, kind: str, text: str) -> None:
        """
        Log *text*, unless a line of that *kind* was logged in the last `_INTERVAL` seconds. The kinds must be few.
        """
        now = self._loop.time()
        if now < self._next.get(kind, now):
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return
        self._next[kind] = now + _INTERVAL
        suppressed = self._suppressed.pop(kind, 0)
        log.warning("%s%s", text, f" ({suppressed} more since the last such line)" if suppressed else "")
