"""
A histogram of durations, whose memory does not grow with their number.

Each bucket is 1 % wider than the one before, so a percentile is at most 1 % above the true value, whatever its size.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

_LEAST: Final = 1e-6
"""Seconds: shorter durations share the first bucket. No request over a socket is that short."""
_BUCKETS_PER_E: Final = 1 / math.log(1.01)


class Histogram:
    """
    Durations in seconds.

    Attributes:
        count: how many there are.
        most: the longest.
    """

    def __init__(self) -> None:
        self.count = 0
        self.most = 0.0
        self._sum = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """
        Count one duration.
        """
        self.count += 1
        self._sum += seconds
        self.most = max(self.most, seconds)
        self._buckets[int(math.log(seconds / _LEAST) * _BUCKETS_PER_E) + 1 if seconds > _LEAST else 0] += 1

    @property
    def mean(self) -> float:
        """
        The mean; 0 if there is none.
        """
        return self._sum / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """
        Return the duration that *percent* of all do not exceed; 0 if there is none.
        """
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(self.most, _LEAST * math.exp(bucket / _BUCKETS_PER_E))
        return 0.0
