"""
What a ring counts of the requests that processors answer, and where the time of a request went.
"""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any, Final, NamedTuple

from eas_host.ring.bindings import ffi, lib


class Timing(NamedTuple):
    """
    Where the time of a request went: the *worker* that answered it, the seconds until that took it (*queue*), and from
    then until it was done (*call*); and how many requests were in its *batch*, 0 if there was none.
    """

    worker: int
    queue: float
    call: float
    batch: int


LATENCY_BOUNDS: Final[tuple[float, ...]] = tuple(nanoseconds / 1e9 for nanoseconds in lib.eas_latency_bounds)
"""The longest time of each bucket of `Stats.latency_counts` in seconds; the last bucket has no bound."""

BATCH_BOUNDS: Final[tuple[int, ...]] = tuple(2**power for power in range(len(ffi.new("eas_stats *").batches) - 1))
"""The largest batch of each bucket of `Stats.batch_counts`; the last bucket has no bound."""


class Stats(NamedTuple):
    """
    Counts of the requests that processors answered, errors included.

    *latency_counts* has one number for each of `LATENCY_BOUNDS` and one for all longer times, not cumulated: how many
    requests took so long from their start until their completion was collected. *latency_sum* is in seconds. *returned*
    has a number for each status that the processor returned; -1 stands for those outside of 0 .. 999. *bad* counts
    results that cannot be an output or are too large. *bytes_in* has all bodies that were submitted, *bytes_out* all
    outputs, texts of errors included. *wake_ups* are those of worker threads, *notifications* those of the front: each
    is a call of the kernel. A corrupt worker can falsify these two. *direct* are the requests that the data plane
    answered, without Python. *batch_counts* has one number for each of `BATCH_BOUNDS` and one for all larger batches;
    *batched* are the requests in them, and *batch_wait* is the sum of the seconds until their batches were formed.
    """

    latency_counts: tuple[int, ...]
    batch_counts: tuple[int, ...]
    latency_sum: float
    returned: dict[int, int]
    raised: int
    bad: int
    bytes_in: int
    bytes_out: int
    wake_ups: int
    notifications: int
    direct: int
    batched: int
    batch_wait: float

    @classmethod
    def zero(cls) -> Stats:
        """
        Make statistics in which nothing was counted.
        """
        return cls(
            (0,) * (len(LATENCY_BOUNDS) + 1), (0,) * (len(BATCH_BOUNDS) + 1), 0.0, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0.0
        )

    def __add__(self, other: object) -> Stats:  # a tuple's own + would append
        """
        Add the counts of two rings.
        """
        assert isinstance(other, Stats)  # noqa: S101  nothing else is added to statistics
        return Stats(
            tuple(map(operator.add, self.latency_counts, other.latency_counts)),
            tuple(map(operator.add, self.batch_counts, other.batch_counts)),
            self.latency_sum + other.latency_sum,
            dict(Counter(self.returned) + Counter(other.returned)),
            *map(operator.add, self[4:], other[4:]),
        )


def read_stats(ring: Any) -> Stats:  # noqa: ANN401  a cffi pointer
    """
    Read what *ring* has counted since it was created.
    """
    counted = ffi.new("eas_stats *")
    lib.eas_front_stats(ring, counted)
    returned = {status: count for status, count in enumerate(counted.returned) if count}
    if counted.returned_other:
        returned[-1] = counted.returned_other
    return Stats(
        latency_counts=tuple(counted.latency),
        latency_sum=counted.latency_nanoseconds / 1e9,
        returned=returned,
        raised=counted.raised,
        bad=counted.bad,
        bytes_in=counted.bytes_in,
        bytes_out=counted.bytes_out,
        wake_ups=counted.wake_ups,
        notifications=counted.notifications,
        direct=counted.direct,
        batched=counted.batched,
        batch_wait=counted.batch_wait_nanoseconds / 1e9,
        batch_counts=tuple(counted.batches),
    )


def read_timing(ring: Any, slot: int) -> Timing:  # noqa: ANN401  the same
    """
    Read where the time of the request in *slot* of *ring* went, which was collected last.
    """
    timing = ffi.new("eas_timing *")
    lib.eas_front_timing(ring, slot, timing)
    return Timing(timing.worker, timing.queue_nanoseconds / 1e9, timing.call_nanoseconds / 1e9, timing.batch)
