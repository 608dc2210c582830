"""
What is counted.

The ring counts what a processor answers, where it costs nanoseconds; the front counts its own answers, which are rare.
`Metrics.totals` puts both together for whoever shows them: `builtin.monitor` and `builtin.metrics`.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from eas_host import answers
from eas_host.reply import http_status
from eas_host.ring import LATENCY_BOUNDS, FrontRing, Stats


class Totals(NamedTuple):
    """
    All that was counted since the start.

    Attributes:
        requests: how many were answered with each status.
        buckets: how many of them took how long, by `LATENCY_BOUNDS`; not cumulative.
        seconds: how long they took together.
        received: bytes of the bodies that were handed to the processor.
        sent: bytes of its outputs, and of the host's own answers.
        thread_wakeups: how often the front or a thread woke a thread that takes requests.
        front_wakeups: how often a thread woke the front.
        direct: how many requests the data plane answered, without Python.
        batches: how many batches had how many requests, by `BATCH_BOUNDS`; not cumulative.
        batched: the requests in them.
        batch_wait: the seconds until their batches were formed, of all of these requests together.
    """

    requests: dict[int, int]
    buckets: tuple[int, ...]
    seconds: float
    received: int
    sent: int
    thread_wakeups: int
    front_wakeups: int
    direct: int
    batches: tuple[int, ...]
    batched: int
    batch_wait: float

    def quantile(self, share: float) -> float | None:
        """
        Estimate how long that *share* of the requests took at most, in seconds; None if there were none.

        As Prometheus does it: a straight line through the bucket, and the last bound for what is above it.
        """
        rank = share * sum(self.buckets)
        below = 0
        for number, count in enumerate(self.buckets[:-1]):
            if count and below + count >= rank:
                start = LATENCY_BOUNDS[number - 1] if number else 0.0
                return start + (LATENCY_BOUNDS[number] - start) * (rank - below) / count
            below += count
        return LATENCY_BOUNDS[-1] if self.buckets[-1] else None


class Metrics:
    """
    Counts the host's own answers, beside those that the rings count.
    """

    def __init__(self) -> None:
        self._rings: list[FrontRing] = []
        self._past = Stats.zero()  # what was counted by rings that are gone
        self._started = time.monotonic()
        self._requests: Counter[int] = Counter()
        self._buckets = [0] * (len(LATENCY_BOUNDS) + 1)
        self._seconds = 0.0
        self._sent = 0

    def count(self, status: int, seconds: float, sent: int = 0) -> None:
        """
        Count an answer of the host itself: its *status*, the *seconds* that the request took, and the bytes *sent*.
        """
        self._requests[status] += 1
        self._buckets[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self._seconds += seconds
        self._sent += sent

    def add(self, ring: FrontRing) -> None:
        """
        Include what *ring* counts.
        """
        self._rings.append(ring)

    def retire(self, ring: FrontRing) -> None:
        """
        Keep what *ring*, which is about to go, has counted: a counter never goes back.
        """
        self._rings.remove(ring)
        self._past += ring.stats()

    @property
    def uptime(self) -> float:
        """
        Seconds since the start.
        """
        return time.monotonic() - self._started

    def totals(self) -> Totals:
        """
        Add up what the rings and the front have counted.
        """
        stats = sum((ring.stats() for ring in self._rings), self._past)
        requests = Counter(self._requests)
        for code, count in stats.returned.items():
            requests[http_status(code)] += count
        requests[answers.EXCEPTION.status] += stats.raised
        requests[answers.BAD_OUTPUT.status] += stats.bad
        return Totals(
            {status: count for status, count in sorted(requests.items()) if count},
            tuple(ours + theirs for ours, theirs in zip(self._buckets, stats.latency_counts, strict=True)),
            self._seconds + stats.latency_sum,
            stats.bytes_in,
            self._sent + stats.bytes_out,
            stats.wake_ups,
            stats.notifications,
            stats.direct,
            stats.batch_counts,
            stats.batched,
            stats.batch_wait,
        )
