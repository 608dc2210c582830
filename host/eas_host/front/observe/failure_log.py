"""
What the log says when a request gets no answer of the processor: 408, 450 and 499.

The number alone (docs/eas-compatibility.md, section 4.2) does not tell the author what to change. So a 408 and a 450
have the workers say where each of their busy threads is at that moment, for that is where the time goes. Under load
they come in thousands, so the places are asked for once in `_INTERVAL` seconds; the lines in between are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from eas_host import log
from eas_host.front.observe.recent_failures import RecentFailures
from eas_runtime.messages import LogStacks, Message

_INTERVAL: Final = 1.0


class FailureLog:
    """
    Logs such requests. *send* sends a message to all workers; *failures* remember each.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: Callable[[Message], None], failures: RecentFailures
    ) -> None:
        self._loop = loop
        self._send = send
        self._failures = failures
        self._next = 0.0
        self._suppressed = 0

    def full(self, waiting: int) -> None:
        """
        A request was answered 450: *waiting* others wait.
        """
        self._failures.add("450: the queue is full (--max-queue-size)")
        self._report(f"450: the queue is full, {waiting} requests wait (--max-queue-size)")

    def late(self, what: str, milliseconds: float) -> None:
        """
        The request *what* was answered 408 after *milliseconds*.
        """
        late = f"took longer than {milliseconds:.0f} ms (--keepalive)"
        self._failures.add(f"408: a request {late}", what)
        self._report(f"408: {what} {late}")

    def left(self, peer: str, what: str, seconds: float) -> None:
        """
        The client at *peer* closed the connection *seconds* after it had begun to send the request *what*.
        """
        log.warning(
            "499: %s: connection is closed by the client after %.0f ms, before the answer to %s",
            peer,
            seconds * 1000,
            what,
        )

    def _report(self, text: str) -> None:
        now = self._loop.time()
        if now < self._next:
            self._suppressed += 1
            return
        self._next = now + _INTERVAL
        more = f"; {self._suppressed} more since the last such line" if self._suppressed else ""
        self._suppressed = 0
        log.warning("%s%s", text, more)
        self._send(LogStacks(text))
