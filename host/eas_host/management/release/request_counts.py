"""
What the metrics of a host say of its requests: how many, how many failed, and how long they took.

Only counters are read, so the difference of two texts is what has happened in between. Probes and scrapes are not among
them, the host counts none.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from eas_host.front.observe.metric_definitions import DURATION, REQUESTS

_LINE: Final = re.compile(r'(?P<name>\w+)\{(?P<label>\w+)="(?P<value>[^"]*)"\} (?P<number>[0-9.e+]+)')
"""A sample with one label, as both metrics have it."""
_FAILED: Final = 400
"""
The least status that counts as a failure. What is the client's fault counts, too, even 499, a client that has left:
both versions have the same clients, so there is no more of it with one of them.
"""
_REQUESTS: Final = REQUESTS.series[0]
_BUCKETS: Final = DURATION.series[0]


@dataclass(frozen=True)
class RequestCounts:
    """
    Requests of some time.

    Attributes:
        requests: how many were answered.
        failures: how many of them with a status from 400 on.
        buckets: how many took at most so many seconds, by the bounds of the host's histogram; the last one is infinite.
    """

    requests: int = 0
    failures: int = 0
    buckets: tuple[tuple[float, int], ...] = ()

    @property
    def failure_rate(self) -> float:
        """
        The share of failures.
        """
        return self.failures / self.requests if self.requests else 0.0

    @property
    def timed(self) -> int:
        """
        How many requests the buckets have.
        """
        return self.buckets[-1][1] if self.buckets else 0

    def __add__(self, other: RequestCounts) -> RequestCounts:
        return RequestCounts(
            self.requests + other.requests, self.failures + other.failures, _combined(self.buckets, other.buckets, 1)
        )

    def since(self, earlier: RequestCounts) -> RequestCounts:
        """
        Return what has come since *earlier*, of the same host. Counters that are lower begin anew: it was restarted.
        """
        if self.requests < earlier.requests or self.timed < earlier.timed:
            return self
        return RequestCounts(
            self.requests - earlier.requests,
            max(0, self.failures - earlier.failures),
            _combined(self.buckets, earlier.buckets, -1),
        )

    def quantile(self, share: float) -> float:
        """
        Estimate how many seconds that *share* of the requests took at most: a straight line through a bucket, and the
        last bound for what is above it, as Prometheus does it.
        """
        rank, below, start = share * self.timed, 0, 0.0
        for bound, count in self.buckets:
            if count >= rank and count > below:
                return start if math.isinf(bound) else start + (bound - start) * (rank - below) / (count - below)
            below, start = count, bound
        return 0.0

    def bound_from(self, seconds: float) -> float:
        """
        Return the least bound of a bucket that is no less than *seconds*.
        """
        return next((bound for bound, _ in self.buckets if bound >= seconds), math.inf)

    def slower_than(self, bound: float) -> int:
        """
        Return how many requests took longer than *bound*, which is one of a bucket.
        """
        return self.timed - next((count for other, count in self.buckets if other >= bound), self.timed)


def read_counts(text: str) -> RequestCounts:
    """
    Read the metrics of a host, in Prometheus' text format.

    Raises:
        ValueError: they are those of no host.
    """
    requests, failures, buckets = 0, 0, {}
    for found in _LINE.finditer(text):
        number = int(float(found["number"]))
        if found["name"] == _REQUESTS:
            requests += number
            failures += number if int(found["value"]) >= _FAILED else 0
        elif found["name"] == _BUCKETS:
            buckets[float(found["value"])] = number
    if not buckets:
        raise ValueError(f"there is no {_BUCKETS}")
    return RequestCounts(requests, failures, tuple(sorted(buckets.items())))


def _combined(
    ones: tuple[tuple[float, int], ...], others: tuple[tuple[float, int], ...], sign: int
) -> tuple[tuple[float, int], ...]:
    """
    Add the counts of equal bounds, or subtract them; hosts of several versions may have other bounds.
    """
    counts = dict(ones)
    for bound, count in others:
        counts[bound] = counts.get(bound, 0) + sign * count
    return tuple(sorted(counts.items()))
