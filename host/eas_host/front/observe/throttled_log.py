"""
Lines in the log that clients cause: each kind once in `_EVERY` seconds, for a scanner must not be able to fill it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from eas_host import log

_EVERY: Final = 60.0


class ThrottledLog:
    """
    Counts what is not said, and says that with the next line of its kind.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def warn(self, kind: str, text: str) -> None:
        """
        Say *text*, unless a line of that *kind* was said not long ago. The kinds must be few.
        """
        now = self._loop.time()
        if now < self._next.get(kind, now):
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._next[kind] = now + _EVERY
        unsaid = self._unsaid.pop(kind, 0)
        log.warning("%s%s", text, f" ({unsaid} more since the last such line)" if unsaid else "")
