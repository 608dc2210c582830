"""
Outputs that are too large to be copied as they are collected: each is copied out of its slot, if its client can be
waited for while it reads so much.
"""

from __future__ import annotations

from typing import Final

from eas_host import log
from eas_host.dispatch.limits import LARGE_ANSWER
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.ring import BAD_OUTPUT, TOO_LARGE, FrontRing

NO_MEMORY: Final = (BAD_OUTPUT, b"the host has no memory for the processor's output")
"""Said in place of an output that cannot be copied; made beforehand, for there is no memory then."""


def copy(ring: FrontRing, budget: MemoryBudget, slot: int, outcome: int, size: int) -> tuple[int, bytes]:
    """
    Copy the output of *size* bytes in *slot*. Returns it with its *outcome*, or what is said in its place.
    """
    largest = budget.largest_answer
    if size > largest:
        text = f"the processor's output has {size} bytes, and the memory budget lets {largest} pass (--memory-budget)"
        log.warning("%s", text)
        return TOO_LARGE, text.encode()
    try:
        if size > LARGE_ANSWER:
            budget.make_room(size)
        return outcome, ring.output(slot, size)
    except MemoryError:  # it must not cost those that are collected with it
        log.warning("the host has no memory for an output of %d bytes", size)
        return NO_MEMORY
