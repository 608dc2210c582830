"""
Outputs that are too large to be copied as they are collected.

Such an output stays in its slot until it is answered, and is sent straight from there. What the client's socket does
not take at once is copied: so a client that reads slowly holds memory, which the budget knows of, and no slot.
"""

from __future__ import annotations

from typing import Final

from eas_host import log
from eas_host.dispatch.limits import LARGE_ANSWER
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.ring import FrontRing
from eas_host.system import memory
from eas_runtime.ring import BAD_OUTPUT, TOO_LARGE

NO_MEMORY: Final = (BAD_OUTPUT, b"the host has no memory for the processor's output")
"""Outcome and text in place of an output for which there is no memory; made beforehand, since there is none then."""


class LargeOutput:
    """
    An output of *size* bytes in *slot* of *ring*. Whoever sends it ends it with `take` or `release`, before the next
    request of its client begins.

    Attributes:
        view: its bytes, until then.
    """

    __slots__ = ("_budget", "_ring", "_size", "_slot", "view")

    def __init__(self, ring: FrontRing, budget: MemoryBudget, slot: int, size: int) -> None:
        self._ring = ring
        self._budget = budget
        self._slot = slot
        self._size = size
        self.view = ring.view_output(slot, size)

    def __len__(self) -> int:
        return self._size

    def take(self, start: int = 0) -> bytes:
        """
        Copy what begins at *start*, and release it.

        Raises:
            MemoryError: there is none for the copy.
        """
        if self._size - start > LARGE_ANSWER:
            self._budget.make_room(self._size - start)
        try:
            return bytes(self.view[start:])
        finally:
            self.release()

    def release(self) -> None:
        """
        Make the slot free. It may be called again.
        """
        slot, self._slot = self._slot, -1
        if slot >= 0:
            self.view.release()
            self._ring.release(slot)


def lend(ring: FrontRing, budget: MemoryBudget, slot: int, outcome: int, size: int) -> tuple[int, bytes | LargeOutput]:
    """
    Return the *outcome* and the output of *size* bytes in *slot*; or, if that could not be copied, or is larger than
    what *budget* can hold while a client reads it, those of an error in its place, and then the slot is free.
    """
    largest = budget.largest_answer
    if size <= largest and memory.is_free(size):  # asked now: later a part of the answer may have been sent
        return outcome, LargeOutput(ring, budget, slot, size)
    ring.release(slot)
    if size <= largest:
        log.warning("the host has no memory for an output of %d bytes", size)
        return NO_MEMORY
    text = f"the processor's output has {size} bytes; --memory-budget allows no more than {largest}"
    log.warning("%s", text)
    return TOO_LARGE, text.encode()
