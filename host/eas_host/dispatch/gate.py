"""
Decides whether one processor takes a request.

A processor takes requests while there is, or soon will be, a worker (`ready`), unless its program or an operator has
paused it (`paused`), and as often as the service's rate limit allows; and as long as there is room for one more.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.rate_limit import TokenBucket
from eas_host.dispatch.responses import ErrorResponse
from eas_host.ring import SUBMITTED, FrontRing

READY: Final = "model.ready"
"""The property by which a program, or an operator, says whether requests are taken."""


class Gate:
    """
    Superclass of the dispatcher, which looks at `_open` and `_capacity` for each request. *on_full* is called when a
    request is refused because too many are in *ring*.

    Attributes:
        worker_alive: whether a worker is ready now.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: FrontRing, on_full: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._on_full = on_full
        self._capacity = 0
        self._ready = False
        self._paused = False
        self._rate: TokenBucket | None = None
        self._open = False  # ready, not paused, without a rate limit: one check for the usual case
        self._reason = "the processor is loading"
        self._retry_at = 0.0
        self.worker_alive = False

    def set_capacity(self, requests: int, waiting: int = 0, all_busy: int = 0) -> None:
        """
        Allow *requests* requests in the ring, those that wait and those that run; but only *waiting* may wait once
        *all_busy* are there. 0 *waiting*: any number.
        """
        self._capacity = requests
        self._ring.set_max_waiting(waiting, all_busy)
        self._refresh()

    @property
    def in_flight(self) -> int:
        """
        The requests in the ring.
        """
        return self._ring.in_flight()

    @property
    def idle(self) -> bool:
        """
        Whether no request is in the ring.
        """
        return self.in_flight == 0

    @property
    def completed(self) -> int:
        """
        How many completions were taken out of the ring so far.
        """
        return self._ring.collected()

    @property
    def ready(self) -> bool:
        """
        Whether there is, or soon will be, a worker to take requests.
        """
        return self._ready

    @property
    def paused(self) -> bool:
        """
        Whether the program itself, or an operator, has said that it is not ready.
        """
        return self._paused

    def set_ready(self, ready: bool, reason: str, retry_at: float = 0.0) -> None:
        """
        Take requests, or refuse them for *reason*, which may be over at the loop's time *retry_at*.
        """
        self._ready = ready
        self._reason = reason
        self._retry_at = retry_at
        self._refresh()

    def set_worker_state(self, *, alive: bool, ready: bool, reason: str = "", retry_at: float = 0.0) -> None:
        """
        Note whether a worker is *alive* now, and whether one is, or soon will be, *ready* to take requests. If not,
        requests are refused for *reason*, which may be over at the loop's time *retry_at*.
        """
        self.worker_alive = alive
        self.set_ready(ready, reason, retry_at)

    def set_paused(self, paused: bool) -> None:
        """
        Refuse requests while *paused*: the program itself, or an operator, has said so.
        """
        self._paused = paused
        self._refresh()

    def set_rate(self, rate: TokenBucket | None) -> None:
        """
        Limit the requests per second by *rate*; None: do not limit them.
        """
        self._rate = rate
        self._refresh()

    @property
    def not_ready(self) -> str | None:
        """
        Why no requests are taken now; None if they are.
        """
        if not self._ready:
            return self._reason
        return f"{READY} is 0" if self._paused else None

    def admit(self) -> ErrorResponse | None:
        """
        Return how a request is refused, whether or not there is room for it; None: it may pass, and counts against the
        rate limit.
        """
        if not self._ready or self._paused:
            return self.unavailable()
        wait = self._rate.take(self._loop.time()) if self._rate is not None else 0.0
        if wait:
            # Whole seconds (RFC 9110, section 10.2.3), rounded up: a client that comes back then is let in.
            extra = f"Retry-After: {math.ceil(wait)}\r\n"
            text = "too many requests a second (rpc.rate_limit); try again later"
            return ErrorResponse(answers.RATE_LIMITED, text, extra=extra)
        return None

    def unavailable(self) -> ErrorResponse:
        """
        Make the answer to a request while none is taken. PAI's SDK recognises its first words
        (docs/eas-compatibility.md, section 4.2).
        """
        reason = self._reason if not self._ready else "the program has put model.ready to 0"
        return ErrorResponse(answers.UNAVAILABLE, f"no healthy upstream: {reason}", extra=self.retry_after())

    def retry_after(self) -> str:
        """
        Make the header line of a 503 that says when to ask again.
        """
        return f"Retry-After: {max(1, math.ceil(self._retry_at - self._loop.time()))}\r\n"

    def would_refuse(self) -> ErrorResponse | None:
        """
        Return how a request would be refused if it were submitted now, or None. Takes nothing from the rate limit.
        """
        if not self._ready or self._paused:
            return self.unavailable()
        return None if self._ring.has_room(self._capacity) else self._full()

    def is_waiting(self, exchange: Exchange) -> bool:
        """
        Tell whether no worker has taken *exchange* yet.
        """
        return exchange.slot >= 0 and self._ring.phase(exchange.slot)[0] == SUBMITTED

    def refuse_stranded(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Return an error response if *exchange* waits for a worker and none is there.
        """
        if self.worker_alive or not self.is_waiting(exchange):
            return None
        text = "no healthy upstream: no worker became ready in time"
        return ErrorResponse(answers.NO_WORKER_IN_TIME, text, extra=self.retry_after())

    def _full(self) -> ErrorResponse:
        self._on_full()
        return ErrorResponse(answers.FULL, "the queue is full; try again later")

    def _refresh(self) -> None:
        self._open = self._ready and not self._paused and self._rate is None
        self._ring.set_capacity(self._capacity if self._open else 0)
