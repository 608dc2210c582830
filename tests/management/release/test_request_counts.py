"""
Requests, failures and times in the text of a host's metrics.
"""

from __future__ import annotations

import math

import pytest

from eas_host.management.release.request_counts import RequestCounts, read_counts

TEXT = """\
# HELP eas_host_requests_total Requests answered.
# TYPE eas_host_requests_total counter
eas_host_requests_total{status="200"} 1.234567e+06
eas_host_requests_total{status="400"} 3.0
eas_host_requests_total{status="499"} 2.0
# TYPE eas_host_request_duration_seconds histogram
eas_host_request_duration_seconds_bucket{le="0.0005"} 10.0
eas_host_request_duration_seconds_bucket{le="0.001"} 90.0
eas_host_request_duration_seconds_bucket{le="+Inf"} 100.0
eas_host_request_duration_seconds_count 100.0
eas_host_request_duration_seconds_sum 1.5
# TYPE eas_host_batch_size histogram
eas_host_batch_size_bucket{le="1.0"} 7.0
eas_host_worker_deaths_total{cause="crash"} 1.0
cache_hits{model="a"} 7.0
"""
BUCKETS = ((0.0005, 10), (0.001, 90), (math.inf, 100))


def test_counts_are_read_of_the_text() -> None:
    """And nothing else in it is taken for them."""
    assert read_counts(TEXT) == RequestCounts(1234572, 5, BUCKETS)


@pytest.mark.parametrize("text", ["", "<html>502</html>", "eas_host_requests_total 1.0"])
def test_text_that_no_host_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="eas_host_request_duration_seconds_bucket"):
        read_counts(text)


def test_difference_is_what_has_come_since() -> None:
    later = RequestCounts(1234580, 6, ((0.0005, 12), (0.001, 95), (math.inf, 108)))
    assert later.since(read_counts(TEXT)) == RequestCounts(8, 1, ((0.0005, 2), (0.001, 5), (math.inf, 8)))
    assert later.since(RequestCounts()) == later


def test_restarted_host_begins_anew() -> None:
    again = RequestCounts(4, 0, ((0.0005, 4), (0.001, 4), (math.inf, 4)))
    assert again.since(read_counts(TEXT)) == again


def test_counts_of_several_hosts_add_up() -> None:
    one, other = RequestCounts(10, 1, ((1.0, 8), (math.inf, 10))), RequestCounts(5, 2, ((1.0, 5), (math.inf, 5)))
    both = RequestCounts() + one + other
    assert both == RequestCounts(15, 3, ((1.0, 13), (math.inf, 15)))
    assert both.failure_rate == 0.2
    assert both.timed == 15


def test_quantile_is_on_a_line_through_its_bucket() -> None:
    counts = RequestCounts(100, 0, BUCKETS)
    assert counts.quantile(0.05) == pytest.approx(0.00025)
    assert counts.quantile(0.5) == pytest.approx(0.00075)
    assert counts.quantile(0.99) == 0.001, "above the last bound nothing is known"
    assert RequestCounts().quantile(0.99) == 0.0


def test_slower_requests_are_counted_by_bounds() -> None:
    counts = RequestCounts(100, 0, BUCKETS)
    assert counts.bound_from(0.0007) == 0.001
    assert counts.bound_from(0.001) == 0.001
    assert counts.bound_from(5) == math.inf
    assert [counts.slower_than(bound) for bound in (0.0005, 0.001, math.inf)] == [90, 10, 0]
