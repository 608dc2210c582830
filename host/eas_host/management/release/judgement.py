"""
Whether a new version is worse than the old one, by what both have answered in the same time.

Two questions, each with a margin, and with a test that chance does not explain the difference: a version that is as
good as the old one fails such a test once in 30,000 times.

- **Failures**: the share of them is higher by more than 1 of 100.
- **Times**: the 99th percentile is higher by more than a half, and by more than 10 ms. The host counts times in
  buckets, so that limit is rounded up to the bound of the next one, and the question is whether more than 1 of 100
  requests of the new version took longer than that.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

from eas_host.management.release.request_counts import RequestCounts

LEAST_REQUESTS: Final = 100
"""Fewer say nothing of a 99th percentile, and not that a version is good."""
LEAST_FAILURES: Final = 5
"""Fewer do not say that a version is bad."""
FAILURE_MARGIN: Final = 0.01
TIME_FACTOR: Final = 1.5
TIME_SECONDS: Final = 0.010
_QUANTILE: Final = 0.99
_DEVIATIONS: Final = 4.0
"""
By so many standard deviations a difference must exceed none. Chance does that once in 30,000 looks, of which a step of
a minute has 30.
"""


class Verdict(enum.Enum):
    """
    What is known of a new version.
    """

    GOOD = "good"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judgement:
    """
    A verdict, and why.
    """

    verdict: Verdict
    reason: str


def judge(old: RequestCounts, new: RequestCounts) -> Judgement:
    """
    Compare the *new* version with the *old* one. Of an old one without requests it is taken that none fails.
    """
    reason = _more_failures(old, new) or _longer_times(old, new)
    if reason:
        return Judgement(Verdict.WORSE, reason)
    if new.requests < LEAST_REQUESTS:
        return Judgement(
            Verdict.UNKNOWN, f"it has had {new.requests} requests, and {LEAST_REQUESTS} are needed to judge it"
        )
    return Judgement(Verdict.GOOD, f"{_failing(new)}, and {_failing(old)} of the old version")


def p99(counts: RequestCounts) -> str:
    """
    Write the 99th percentile of times.
    """
    return f"{counts.quantile(_QUANTILE) * 1000:.3g} ms" if counts.timed else "-"


def _more_failures(old: RequestCounts, new: RequestCounts) -> str:
    difference = new.failure_rate - old.failure_rate
    if new.failures < LEAST_FAILURES or difference <= FAILURE_MARGIN:
        return ""
    if old.requests:
        # The test of two proportions: the deviation of their difference if there were none.
        common = (old.failures + new.failures) / (old.requests + new.requests)
        deviation = math.sqrt(common * (1 - common) * (1 / old.requests + 1 / new.requests))
        if difference <= _DEVIATIONS * deviation:
            return ""
    return f"{_failing(new)}, and {_failing(old)} of the old version"


def _longer_times(old: RequestCounts, new: RequestCounts) -> str:
    if old.requests < LEAST_REQUESTS or new.requests < LEAST_REQUESTS:
        return ""
    usual = old.quantile(_QUANTILE)
    limit = old.bound_from(max(usual * TIME_FACTOR, usual + TIME_SECONDS))
    expected = (1 - _QUANTILE) * new.timed
    excess = new.slower_than(limit) - expected
    if excess <= _DEVIATIONS * math.sqrt(expected * _QUANTILE):
        return ""
    return (
        f"its p99 is {p99(new)}, and that of the old version {p99(old)}: {new.slower_than(limit)} of its {new.timed}"
        f" requests took longer than {limit * 1000:g} ms"
    )


def _failing(counts: RequestCounts) -> str:
    return f"{counts.failures} of {counts.requests} requests have failed ({100 * counts.failure_rate:.1f} %)"
