"""
Limits the requests per second (`rpc.rate_limit`).

A token bucket: it holds one second's worth of requests, so that those that come in a burst are not refused while the
second as a whole has room for them, and it fills steadily. It needs no timer: each `take` adds what has come in since
the last one.
"""

from __future__ import annotations


class TokenBucket:
    """
    Lets *limit* requests per second pass. It is full at the time *now*, when it is made: so many may come at once.
    """

    __slots__ = ("_burst", "_filled", "_left", "_rate")

    def __init__(self, limit: float, now: float) -> None:
        self._rate = limit
        self._burst = max(limit, 1.0)
        self._left = self._burst
        self._filled = now

    def take(self, now: float) -> float:
        """
        Let a request pass at the time *now*.

        Returns:
            0.0 if it may, else the seconds until one may; a request that is refused takes nothing.
        """
        left = min(self._burst, self._left + (now - self._filled) * self._rate)
        self._filled = now
        if left >= 1.0:
            self._left = left - 1.0
            return 0.0
        self._left = left
        return (1.0 - left) / self._rate
