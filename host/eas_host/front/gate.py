"""
Whether one processor takes requests at all, before anybody asks whether there is room for one more.

It does while there is, or soon will be, a worker (`ready`), unless its program or an operator has said otherwise
(`paused`), and as often as the service's rate allows.
"""

from __future__ import annotations

import asyncio
import math

from eas_host.front.exchange import Refusal
from eas_host.front.rate import RateLimit


class Gate:
    """
    Superclass of the dispatcher, which looks at `_open` for each request.

    Attributes:
        reason: why requests are refused with 503 while nobody is `ready`.
        retry_at: the loop's time at which that may be over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready = False
        self._paused = False
        self._rate: RateLimit | None = None
        self._open = False  # ready, not paused and not bounded: the usual case is one look
        self.reason = "the processor is loading"
        self.retry_at = 0.0

    @property
    def ready(self) -> bool:
        """
        Whether there is, or soon will be, somebody to take requests.
        """
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready = ready
        self._refresh()

    @property
    def paused(self) -> bool:
        """
        Whether the program itself has said that it is not ready.
        """
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._paused = paused
        self._refresh()

    @property
    def rate(self) -> RateLimit | None:
        """
        What bounds the requests per second.
        """
        return self._rate

    @rate.setter
    def rate(self, rate: RateLimit | None) -> None:
        self._rate = rate
        self._refresh()

    def admit(self) -> Refusal | None:
        """
        Say why a request is refused before anybody asks whether there is room for it.
        """
        if not self._ready or self._paused:
            return self.unavailable()
        wait = self._rate.take(self._loop.time()) if self._rate is not None else 0.0
        if wait:
            # Whole seconds (RFC 9110, section 10.2.3), rounded up: who comes back then is let in.
            extra = f"Retry-After: {math.ceil(wait)}\r\n"
            return Refusal(429, "too many requests a second (rpc.rate_limit); try again later", extra=extra)
        return None

    def unavailable(self) -> Refusal:
        """
        The answer to a request while none is taken. PAI's SDK knows its first words (docs/eas-compatibility.md,
        section 4.2).
        """
        reason = self.reason if not self._ready else "the program has put model.ready to 0"
        return Refusal(503, f"no healthy upstream: {reason}", extra=self.retry_after())

    def retry_after(self) -> str:
        """
        The header line of a 503 that says when to ask again.
        """
        return f"Retry-After: {max(1, math.ceil(self.retry_at - self._loop.time()))}\r\n"

    def _refresh(self) -> None:
        self._open = self._ready and not self._paused and self._rate is None
