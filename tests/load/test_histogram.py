"""
Percentiles are at most 1 % above what a sorted list of all durations says.
"""

from __future__ import annotations

import math

import pytest

from eas_host.load.histogram import Histogram
from support import seeded_rng


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 99.9, 100])
def test_percentile_is_within_one_percent_of_the_truth(percent: float) -> None:
    rng = seeded_rng("durations")
    durations = sorted(10 ** rng.uniform(-5.5, 2) for _ in range(5000))
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    true = durations[math.ceil(len(durations) * percent / 100) - 1]
    assert true <= histogram.percentile(percent) * 1.000001
    assert histogram.percentile(percent) <= true * 1.01


def test_count_mean_and_most_are_exact() -> None:
    histogram = Histogram()
    for duration in (0.0, 0.001, 0.002, 0.009):
        histogram.add(duration)
    assert (histogram.count, histogram.most) == (4, 0.009)
    assert histogram.mean == pytest.approx(0.003)
    assert histogram.percentile(100) == 0.009


def test_without_durations_all_is_zero() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.mean, histogram.most, histogram.percentile(99)) == (0, 0, 0, 0)
