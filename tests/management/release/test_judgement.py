"""
When a new version counts as worse than the old one: by how much, and after how many requests.
"""

from __future__ import annotations

import math
import random

import pytest

from eas_host.management.release.judgement import Judgement, Verdict, judge
from eas_host.management.release.request_counts import RequestCounts

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, math.inf)


def counts(requests: int, failures: int = 0, slow: int = 0, slow_bound: float = 0.25) -> RequestCounts:
    """Requests of up to 5 ms, but for the *slow* ones, which take up to *slow_bound* seconds."""
    return RequestCounts(
        requests, failures, tuple((b, requests if b >= slow_bound else requests - slow) for b in BOUNDS)
    )


CASES: dict[str, tuple[RequestCounts, RequestCounts, Verdict]] = {
    "same": (counts(900), counts(100), Verdict.GOOD),
    "too-few": (counts(900), counts(99), Verdict.UNKNOWN),
    "none": (counts(900), counts(0), Verdict.UNKNOWN),
    "all-fail-and-five-are-enough": (counts(45), counts(5, failures=5), Verdict.WORSE),
    "four-failures-are-not": (counts(36), counts(4, failures=4), Verdict.UNKNOWN),
    "a-few-fail-as-before": (counts(9000, failures=90), counts(1000, failures=12), Verdict.GOOD),
    "within-the-margin": (counts(900_000), counts(100_000, failures=1000), Verdict.GOOD),
    "beyond-the-margin": (counts(900_000), counts(100_000, failures=1100), Verdict.WORSE),
    "many-fail-as-before": (counts(900, failures=300), counts(100, failures=40), Verdict.GOOD),
    "more-of-many-fail": (counts(900, failures=300), counts(100, failures=55), Verdict.WORSE),
    "fewer-fail": (counts(900, failures=300), counts(100), Verdict.GOOD),
    "no-old-ones-and-none-fails": (counts(0), counts(100), Verdict.GOOD),
    "no-old-ones-and-some-fail": (counts(0), counts(100, failures=5), Verdict.WORSE),
    "slow": (counts(900), counts(100, slow=20), Verdict.WORSE),
    "slow-by-chance": (counts(900), counts(100, slow=3), Verdict.GOOD),
    "slow-as-before": (counts(900, slow=180), counts(100, slow=20), Verdict.GOOD),
    "in-the-next-bucket": (counts(900), counts(100, slow=20, slow_bound=0.01), Verdict.GOOD),
    "no-10-ms-more": (counts(900), counts(100, slow=20, slow_bound=0.025), Verdict.GOOD),
    "more-than-that": (counts(900), counts(100, slow=20, slow_bound=0.05), Verdict.WORSE),
    "slow-but-too-few": (counts(900), counts(99, slow=20), Verdict.UNKNOWN),
    "slow-and-too-few-before": (counts(99), counts(100, slow=20), Verdict.GOOD),
}


@pytest.mark.parametrize(("old", "new", "verdict"), CASES.values(), ids=CASES)
def test_verdict(old: RequestCounts, new: RequestCounts, verdict: Verdict) -> None:
    assert judge(old, new).verdict is verdict


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            counts(900, failures=9),
            counts(100, failures=25),
            "25 of 100 requests have failed (25.0 %), and 9 of 900 requests have failed (1.0 %) of the old version",
        ),
        (
            counts(900),
            counts(100, slow=20),
            "its p99 is 243 ms, and that of the old version 4.95 ms: 20 of its 100 requests took longer than 25 ms",
        ),
        (counts(900), counts(12), "it has had 12 requests, and 100 are needed to judge it"),
    ],
    ids=["failures", "times", "unknown"],
)
def test_reason_has_the_figures(old: RequestCounts, new: RequestCounts, reason: str) -> None:
    assert judge(old, new).reason == reason


def test_equal_versions_are_hardly_ever_told_apart() -> None:
    """Two samples of one service in which a twentieth fails and a fiftieth is slow: 1,000 releases, each looked at."""
    chance = random.Random(7)  # noqa: S311  no secret

    def sample(requests: int) -> RequestCounts:
        failures = sum(chance.random() < 0.05 for _ in range(requests))
        slow = sum(chance.random() < 0.008 for _ in range(requests))
        return counts(requests, failures, slow)

    judgements: list[Judgement] = [judge(sample(900), sample(100)) for _ in range(1000)]
    assert sum(one.verdict is Verdict.WORSE for one in judgements) <= 10
