"""
Tells growth that does not end from growth that does, in samples of how much a process has after so many requests.

A leak grows with each request, from some request on. Other processes grow, too: while they warm up, until a cache is
full, or for a while between two collections of garbage. So what counts as a leak has grown for at least half of the
process's life, and evenly: that time is cut into parts with as many requests each, and what the process had at least
in each part (that leaves out what calls hold only while they run) must have grown from part to part, nowhere by less
than half of the average, to more than the process has ever had. A cache that fills, or memory that goes up and down,
does that only until it was full, or came down, once; so the growth must also last for a thousand requests, unless it
already takes a good part of what there is.

Where each sample was taken while nothing ran, every single request shows what it has left behind. A process that warms
up leaves much at one request and little at the next one, or does so once in each of its threads. So a few dozen
requests will do if each has left a lot, and all about the same (`find_steep_growth`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

_MAX_POINTS: Final = 64
_REQUESTS: Final = 1000
"""Fewer requests are no trend."""
_PARTS: Final = 8
"""Random numbers rise from part to part so evenly once in two million times."""
_EARLY_REQUESTS: Final = 30
_EARLY_PARTS: Final = 4
_EARLY_SHARE: Final = 8
"""Growth by an eighth of the limit is said early: at that pace the process has not even a thousand requests left."""
_LEAST_EVEN: Final = 0.5
_STEEP: Final = 2**20
"""
What each request must have left at least to be told of after a few dozen. An allocator takes memory from the system in
pieces up to that size, so smaller growth would not look even.
"""

Point = tuple[int, int]
"""How many requests a process had completed, and what it had then."""


class Samples:
    """
    Samples of one process: all of them at first, later every second, every fourth and so on, so that there are always
    between 32 and 64 from all of its life.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, Sequence[int]]] = []
        self._stride = self._skipped = 1

    def add(self, requests: int, values: Sequence[int]) -> bool:
        """
        Add what the process has after so many *requests*. Returns whether the sample is kept.
        """
        if self._skipped < self._stride:
            self._skipped += 1
            return False
        self._skipped = 1
        self._kept.append((requests, values))
        if len(self._kept) > _MAX_POINTS:
            del self._kept[1::2]
            self._stride *= 2
        return True

    def points(self, number: int) -> list[Point]:
        """
        Return the course of one of the values, by its *number*.
        """
        return [(requests, values[number]) for requests, values in self._kept]


class Growth(NamedTuple):
    """
    Steady growth.

    Attributes:
        since: the request from which on it was seen.
        rate: by how much for each request.
    """

    since: int
    rate: float


def find_growth(points: Sequence[Point], least: int, limit: int | None) -> Growth | None:
    """
    Find steady growth in *points*: by *least* in all, for which a thousand requests are needed, or by a good part of
    *limit*, the most that the process may have.
    """
    requests, value = points[-1]
    # Most processes have not grown, or not lately.
    if value - points[0][1] < least or value <= points[len(points) // 2][1]:
        return None
    for start in _starts(points):
        window = points[start:]
        seen = requests - window[0][0]
        grown = value - max(had for _, had in points[: start + 1])
        early = limit is not None and grown >= limit / _EARLY_SHARE and seen >= _EARLY_REQUESTS
        if grown < least or not (early or seen >= _REQUESTS):
            continue
        rate = _even_rate(window, _EARLY_PARTS if early else _PARTS)
        if rate is not None:
            return Growth(window[0][0], rate)
    return None


def find_steep_growth(points: Sequence[Point], requests: int) -> Growth | None:
    """
    Find growth in *points*, each of which was taken while no request ran: the last *requests*, or a few more, must have
    left a lot behind, each about as much as the others.
    """
    last = points[-1][0]
    begin = next((index for index in reversed(range(len(points))) if last - points[index][0] >= requests), None)
    if begin is None:
        return None
    rate = _rate(points[begin], points[-1])
    least = min(_rate(before, after) for before, after in pairwise(points[begin:]))
    return Growth(points[begin][0] + 1, rate) if least >= max(_STEEP, _LEAST_EVEN * rate) else None


def _starts(points: Sequence[Point]) -> Iterator[int]:
    """
    Yield where growth is tried to begin, in the first half of the requests.
    """
    for share in (0, 1 / 16, 1 / 8, 1 / 4, 1 / 2):
        begin = share * points[-1][0]
        yield next(index for index, point in enumerate(points) if point[0] >= begin)


def _even_rate(window: Sequence[Point], parts: int) -> float | None:
    """
    Return by how much each request makes the values of *window* grow; None if they do not grow evenly.
    """
    first = window[0][0]
    width = (window[-1][0] - first) / parts
    lows: list[Point | None] = [None] * parts
    for point in window:
        part = min(int((point[0] - first) / width), parts - 1)
        low = lows[part]
        if low is None or point[1] < low[1]:
            lows[part] = point
    found = [low for low in lows if low is not None]
    if len(found) < parts:
        return None
    rates = [_rate(before, after) for before, after in pairwise(found)]
    rate = _rate(found[0], found[-1])
    if window[-1] != found[-1]:
        rates.append(_rate(found[-1], window[-1]))  # it may have ended in the last part
    return rate if rate > 0 and min(rates) >= _LEAST_EVEN * rate else None


def _rate(before: Point, after: Point) -> float:
    return (after[1] - before[1]) / (after[0] - before[0])
