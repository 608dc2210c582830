"""
The calls in which requests were answered together, by how many there were in each.

The host tells this with each answer, so a call of N requests is seen N times.
"""

from __future__ import annotations

from collections import defaultdict

from eas_host.load.histogram import Histogram


class BatchCalls:
    """
    The calls of a step.

    Attributes:
        by_size: how long calls of each size took, once for each of their requests; the sizes are the keys.
    """

    def __init__(self) -> None:
        self.by_size: defaultdict[int, Histogram] = defaultdict(Histogram)

    def add(self, size: int, seconds: float) -> None:
        """
        Count a request that was in a call with *size* requests, itself included, which took so many *seconds*.
        """
        self.by_size[size].add(seconds)

    def __bool__(self) -> bool:
        return bool(self.by_size)

    @property
    def mean(self) -> float:
        """
        How many requests a call had on average; 0 if there was none.
        """
        requests = sum(one.count for one in self.by_size.values())
        calls = sum(one.count / size for size, one in self.by_size.items())
        return requests / calls if calls else 0.0

    def sizes(self, calls: int) -> list[int]:
        """
        Return the sizes that so many *calls* had at least, the smallest first.
        """
        return sorted(size for size, one in self.by_size.items() if one.count >= calls * size)
