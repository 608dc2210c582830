"""
Outputs that are too large to be copied as they are collected: each is copied out of its slot, unless it is larger than
what the memory budget can hold while its client reads it.
"""

from __future__ import annotations

from typing import Final

from eas_host import log
from eas_host.dispatch.limits import LARGE_ANSWER
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.ring import FrontRing
from eas_runtime.ring import BAD_OUTPUT, TOO_LARGE

NO_MEMORY: Final = (BAD_OUTPUT, b"the host has no memory for the processor's output")
"""Outcome and text in place of an output that cannot be copied; made beforehand, since there is no memory then."""


def copy(ring: FrontRing, budget: MemoryBudget, slot: int, outcome: int, size: int) -> tuple[int, bytes]:
    """
    Copy the output of *size* bytes in *slot*. Returns its *outcome* and the output, or those of an error in its place.
    """
    largest = budget.largest_answer
    if size > largest:
        text = f"the processor's output has {size} bytes; --memory-budget allows no more than {largest}"
        log.warning("%s", text)
        return TOO_LARGE, text.encode()
    try:
        if size > LARGE_ANSWER:
            budget.make_room(size)
        return outcome, ring.output(slot, size)
    except MemoryError:  # the requests that are collected with it must still be answered
        log.warning("the host has no memory for an output of %d bytes", size)
        return NO_MEMORY
