"""
What the log says of codes that a processor returned and that are no HTTP status: the client got 400 in their place
(docs/eas-compatibility.md, section 1.3), which the author of the processor can learn from nothing else.

Each of the first few codes is logged at once. From then on one line each minute counts them, as long as there are more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from eas_host import log

_INTERVAL: Final = 60.0
_SHOWN: Final = 5
"""Different codes that are logged at once, and in a line; a processor may return any number."""


class StatusLog:
    """
    Counts and logs such codes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told: set[int] = set()
        self._counts: Counter[int] = Counter()
        self._others = 0
        self._timer: asyncio.TimerHandle | None = None

    def unrecognised(self, code: int) -> None:
        """
        A processor has returned *code*, which was answered as 400.
        """
        if code not in self._told and len(self._told) < _SHOWN:
            self._told.add(code)
            _warn(str(code))
            self._start_timer()
            return
        if code in self._counts or len(self._counts) < _SHOWN:
            self._counts[code] += 1
        else:
            self._others += 1
        if self._timer is None:
            self._report()

    def close(self) -> None:
        """
        Log what was counted since the last line.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._report()

    def _report(self) -> None:
        if not self._counts:
            self._timer = None
            return
        codes = [f"{code} ({count} times)" if count > 1 else str(code) for code, count in self._counts.items()]
        if self._others:
            codes.append(f"others ({self._others} times)")
        _warn(", ".join(codes))
        self._counts.clear()
        self._others = 0
        self._timer = None
        self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_INTERVAL, self._report)


def _warn(codes: str) -> None:
    log.warning(
        "the processor returned %s, which is no registered HTTP status: answered 400;"
        " return 0 or 200 for success, or the status of an error, such as 404",
        codes,
    )
