"""
Growth that does not end is told from growth that does, at any rate of requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from eas_host.front.observe.trend import Growth, Samples, find_growth, find_steep_growth
from support import seeded_rng

KIB, MIB = 2**10, 2**20
LEAST = 16 * MIB
LIMIT = 16 * 2**30
BASE = 200 * MIB
PACES = [1, 37, 2000]
"""Requests between two samples."""


def watch(course: Callable[[int], float], pace: int, samples: int, limit: int | None = LIMIT) -> list[Growth]:
    """Looks at memory that is *course* after so many requests; all that is found."""
    kept = Samples()
    found = []
    for number in range(1, samples + 1):
        requests = number * pace
        if kept.add(requests, [int(course(requests))]):
            growth = find_growth(kept.points(0), LEAST, limit)
            if growth is not None:
                found.append(growth)
    return found


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("size", [4 * KIB, 100 * KIB, 4 * MIB])
def test_leak_is_found_whatever_the_pace(size: int, pace: int) -> None:
    found = watch(lambda requests: BASE + size * requests, pace, 20_000 // pace + 20)
    assert found[0].since <= max(pace, 12)
    assert found[0].rate == pytest.approx(size, rel=0.01)


def test_leak_is_found_soon_after_a_thousand_requests() -> None:
    kept = Samples()
    for requests in range(20, 10_000, 20):
        kept.add(requests, [BASE + 100 * KIB * requests])
        if find_growth(kept.points(0), LEAST, LIMIT) is not None:
            break
    assert 1000 <= requests <= 1200


def test_leak_that_heads_for_the_limit_is_found_earlier() -> None:
    found = watch(lambda requests: BASE + 4 * MIB * requests, 8, 6, limit=1024 * MIB)
    assert found[0] == Growth(8, 4 * MIB)


def test_leak_is_found_below_what_calls_hold_while_they_run() -> None:
    rng = seeded_rng(1)
    found = watch(lambda requests: BASE + 100 * KIB * requests + rng.random() * 20 * MIB, 40, 100)
    assert found[0].rate == pytest.approx(100 * KIB, rel=0.2)


def test_leak_after_a_warm_up_is_found() -> None:
    found = watch(lambda requests: BASE + 500 * MIB * min(1, requests / 100) + 40 * KIB * requests, 25, 100)
    assert found[0].rate == pytest.approx(40 * KIB, rel=0.01)


def warms_up(requests: int) -> float:
    """Ever less."""
    return BASE + 500 * MIB * (1 - math.exp(-requests / 150))


def loads_late(requests: int) -> float:
    return BASE + (2000 * MIB if requests >= 700 else 0)


def loads_in_steps(requests: int) -> float:
    return BASE + 300 * MIB * min(5, requests // 400)


def fills_a_cache(requests: int) -> float:
    return BASE + MIB * min(requests, 900)


def goes_up_and_down(requests: int) -> float:
    return BASE + 300 * KIB * (requests % 800)


def goes_up_and_down_slowly(requests: int) -> float:
    """Each rise but the first lasts for more than a thousand requests."""
    return BASE + 50 * KIB * ((requests + 2000) % 2500)


@pytest.mark.parametrize("pace", [*PACES, 3, 110, 450])
@pytest.mark.parametrize(
    "course", [warms_up, loads_late, loads_in_steps, fills_a_cache, goes_up_and_down, goes_up_and_down_slowly]
)
def test_growth_that_ends_is_no_leak(course: Callable[[int], float], pace: int) -> None:
    assert watch(course, pace, 2000) == []


def test_random_memory_is_no_leak() -> None:
    rng = seeded_rng(2)
    for _ in range(20):
        assert watch(lambda _: BASE + rng.random() * 800 * MIB, 100, 3000) == []


def test_samples_are_from_all_of_the_life_of_a_process() -> None:
    kept = Samples()
    for requests in range(1, 100_001):
        kept.add(requests, [requests])
    points = kept.points(0)
    assert len(points) <= 64
    assert points[0] == (1, 1)
    gaps = {after[0] - before[0] for before, after in pairwise(points)}
    assert len(gaps) == 1
    assert points[-1][0] > 95_000


def first_requests(left: Callable[[int], float], requests: int = 60) -> list[Growth]:
    """Looks after each of the first *requests*, each of which leaves *left* behind; all that is found."""
    points = [(0, BASE)]
    found = []
    for number in range(1, requests + 1):
        points.append((number, points[-1][1] + int(left(number))))
        growth = find_steep_growth(points, 24)
        if growth is not None:
            found.append(growth)
    return found


def test_large_leak_is_found_after_a_few_dozen_requests() -> None:
    assert first_requests(lambda _: 4 * MIB, 23) == []
    assert first_requests(lambda _: 4 * MIB, 24) == [Growth(1, 4 * MIB)]


def test_large_leak_is_found_after_a_warm_up_and_beside_what_an_allocator_adds() -> None:
    found = first_requests(lambda number: (200 * MIB if number < 3 else 4 * MIB) + (number % 2) * MIB)
    assert found[0].since == 3
    assert found[0].rate == pytest.approx(4.5 * MIB, rel=0.02)


def test_requests_between_two_looks_count_one_by_one() -> None:
    points = [(10 * number, BASE + 30 * MIB * number) for number in range(1, 5)]
    assert find_steep_growth(points[:3], 24) is None
    assert find_steep_growth(points, 24) == Growth(11, 3 * MIB)


@pytest.mark.parametrize(
    "left",
    [
        lambda _: 900 * KIB,
        lambda number: 4 * MIB if number % 20 else 0,
        lambda number: 4 * MIB if number < 24 else 10 * KIB,
        lambda number: 600 * MIB / number**2,
        lambda number: 4 * MIB if number % 8 else -28 * MIB,
        lambda number: 100 * MIB if number % 5 == 0 else 2 * MIB,
    ],
    ids=["little", "sometimes nothing", "until it is warm", "ever less", "comes down", "uneven"],
)
def test_first_requests_that_leave_less_are_no_leak(left: Callable[[int], float]) -> None:
    assert first_requests(left) == []
