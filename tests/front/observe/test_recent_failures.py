"""
The last failures: the same again counts, and neither their number nor their texts grow without bound.
"""

from __future__ import annotations

from eas_host.front.observe.recent_failures import RecentFailures


def test_newest_comes_first_and_the_same_again_counts() -> None:
    """Of those of one kind the newest request is told; an address is another in each process."""
    failures = RecentFailures()
    failures.add("died at address 0x7f12", "POST /1", "\n  at f (x.cc:1)\n")
    failures.add("another", "POST /2")
    failures.add("died at address 0x55ee", "POST /3", "  at f (x.cc:1)")
    first, second = failures.newest_first()
    assert first[:3] == ("died at address 0x55ee", "POST /3", "  at f (x.cc:1)")
    assert (first.times, second.times, failures.total) == (2, 1, 3)


def test_other_frames_are_another_failure() -> None:
    failures = RecentFailures()
    failures.add("died", frames="  at f (x.cc:1)")
    failures.add("died", frames="  at f (x.cc:2)")
    assert [failure.times for failure in failures.newest_first()] == [1, 1]


def test_list_is_bounded() -> None:
    """Whatever clients make a processor say."""
    failures = RecentFailures()
    for number in range(1000):
        failures.add(f"{number} {'long' * 10_000}", "request" * 10_000, f"  at f{number}\n" * 10_000)
    kept = failures.newest_first()
    assert [failure.cause.split()[0] for failure in kept] == [str(number) for number in range(999, 979, -1)]
    assert sum(len(failure.cause) + len(failure.request) + len(failure.frames) for failure in kept) <= 200_000
    assert failures.total == 1000
