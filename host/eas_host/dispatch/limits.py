"""
Sizes at which a request is treated differently on its way through the ring.
"""

from __future__ import annotations

from typing import Final

EARLY_SLOTS: Final = 32
"""Slots lent to uploads in progress, beside those that the queue and the workers need."""

SMALL_BODY: Final = 16 * 1024
"""Bytes of a body that needs no part of the memory budget to get into the ring: places in the queue are few."""

LARGE_ANSWER: Final = 1024 * 1024
"""Bytes of an output for which room is made before it is copied; of smaller ones it shows whether they are read."""
