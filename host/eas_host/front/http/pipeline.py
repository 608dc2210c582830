"""
The requests of one connection that are complete and wait for those before them to be answered.

The client has sent them ahead. Few are taken; then the connection is read no further. What waits is in the front's own
memory, so it is held for the client (`dispatch.memory_budget`); bodies in several pieces are held by themselves
(`dispatch.body_buffer`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.front.http.read_pause import ReadPause
from eas_host.front.limits import MAX_PIPELINED, PIPELINED_MEMORY

_OBJECTS: Final = 1024
"""Bytes, about, that the objects of a request take beside its texts and its body."""


class Pipeline:
    """
    The requests that wait on one connection. Their memory counts against *budget*; *reading* is held while they are too
    many or too large; *reset* gives the connection up, for want of memory.

    Attributes:
        waiting: in the order in which it is to be answered; only the pipeline changes it.
    """

    __slots__ = ("_budget", "_full", "_reading", "_reset", "_sizes", "_total", "waiting")

    def __init__(self, budget: MemoryBudget, reading: ReadPause, reset: Callable[[], None]) -> None:
        self._budget = budget
        self._reading = reading
        self._reset = reset
        # Lists: an empty deque takes 760 bytes, and nearly all connections have nothing that waits.
        self.waiting: list[Exchange] = []
        self._sizes: list[tuple[int, int]] = []  # of each: bytes with its whole body, and bytes held here
        self._total = 0
        self._full = False

    def add(self, exchange: Exchange) -> None:
        """
        Have *exchange* wait for its turn.
        """
        head = exchange.head
        texts = _OBJECTS + head.size + len(head.url)
        held = texts + len(exchange.body)
        self.waiting.append(exchange)
        self._sizes.append((texts + exchange.size, held))
        self._total += texts + exchange.size
        self._budget.hold(self, held)
        if not self._full and self._is_too_much():
            self._full = True
            self._reading.pause()

    def next(self) -> Exchange:
        """
        Take out the first that waits.
        """
        exchange = self.waiting.pop(0)
        size, held = self._sizes.pop(0)
        self._total -= size
        self._budget.release(self, held if self.waiting else None)
        if self._full and not self._is_too_much():
            self._full = False
            self._reading.resume()
        return exchange

    def clear(self) -> None:
        """
        Drop all that wait: none of them is answered any more.
        """
        self.waiting.clear()
        self._sizes.clear()
        self._total = 0
        self._budget.release(self)

    def evict(self) -> None:
        """
        Give the connection up, for want of memory.
        """
        self._reset()

    def _is_too_much(self) -> bool:
        return len(self.waiting) >= MAX_PIPELINED or self._total > PIPELINED_MEMORY
