"""
Sizes at which a request is treated differently on its way through the ring.
"""

from __future__ import annotations

from typing import Final

EARLY_SLOTS: Final = 32
"""Slots lent to uploads in progress, beside those that the queue and the workers need."""

MAX_STREAMS: Final = 512
"""Requests whose answers have begun and take no place in the queue: a client may read its answer for long."""

SMALL_BODY: Final = 16 * 1024
"""Bytes up to which a body enters the ring without asking the memory budget: places in the queue are few."""

DIRECT_BODY: Final = 256 * 1024
"""Bytes of the largest body that the data plane takes without Python: as much as it reads at once."""

DIRECT_SHARE: Final = 16
"""One part in so many of the memory budget is for the bodies that the plane takes so, all together. They are in the
ring, so the budget counts them, as it does outputs, when it measures."""

LARGE_ANSWER: Final = 1024 * 1024
"""Bytes above which room is made for an output before it is copied; a smaller one counts once its client is slow."""
