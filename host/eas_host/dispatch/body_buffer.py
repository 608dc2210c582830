"""
Where the bodies go that arrive in several pieces.

Small requests arrive whole and are copied into a slot once. A body in pieces is written straight into a slot of its
own while such slots last; there are `EARLY_SLOTS` of them beside those that the queue needs, so slow uploads cannot
take a slot that others need. The rest gather in the front's memory. Wherever they are, they are held
(`dispatch.memory_budget`) until they are whole. The deadline of each request ends what takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eas_host.dispatch.limits import EARLY_SLOTS
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.ring import FrontRing

NO_SLOT: Final = -1
NO_MEMORY: Final = -2

_SMALL_PIECE: Final = 4096
"""A piece below this is joined to those before it: each object takes some 60 bytes more than are held for it."""
_JOINED_MOST: Final = 64 * 1024
"""They are joined up to this size, so that one that grows is not moved again and again."""


class BodyBufferPool:
    """
    The unfinished bodies for one *ring*; what they take is part of *budget*.
    """

    def __init__(self, ring: FrontRing, budget: MemoryBudget) -> None:
        self.ring = ring
        self.budget = budget
        self._lent: set[BodyBuffer] = set()
        self._retired = False

    @property
    def idle(self) -> bool:
        """
        Whether no body is in a slot that was lent.
        """
        return not self._lent

    def acquire_slot(self, upload: BodyBuffer) -> int:
        """
        Lend a slot to *upload*, or `NO_SLOT`.
        """
        if self._retired or len(self._lent) >= EARLY_SLOTS:
            return NO_SLOT
        slot = self.ring.reserve()
        if slot >= 0:
            self._lent.add(upload)
        return slot

    def slot_returned(self, upload: BodyBuffer) -> None:
        """
        The slot that *upload* had was published or released.
        """
        self._lent.discard(upload)

    def retire(self) -> None:
        """
        Lend no slots from here on: the ring is about to go. What still begins gathers in the front's memory.
        """
        self._retired = True

    def leave(self) -> None:
        """
        The ring goes now: what has arrived in it goes on in the front's memory.
        """
        for upload in list(self._lent):
            if upload in self._lent:  # else it has given way just now
                upload.leave()


class BodyBuffer:
    """
    One body in pieces. Ends with exactly one `submit`, `take` or `drop`. *refuse* ends its request for want of memory.
    """

    __slots__ = ("_over", "_pieces", "_pool", "_refuse", "_size", "slot")

    def __init__(self, pool: BodyBufferPool, refuse: Callable[[ErrorResponse], None]) -> None:
        self._pool = pool
        self._refuse = refuse
        self.slot = pool.acquire_slot(self)
        self._pieces: list[bytes | bytearray] = []
        self._size = 0
        self._over = False

    def write(self, piece: bytes) -> None:
        """
        Add *piece*. The caller has checked the body's size against its limit.
        """
        start = self._size
        self._size += len(piece)
        in_ring = self.slot != NO_SLOT
        self._pool.budget.hold(self, len(piece), in_ring=in_ring)
        if self._over:
            return  # it has given way
        if in_ring:
            self._pool.ring.write(self.slot, start, piece, len(piece))
        else:
            self._gather(piece)

    def evict(self) -> None:
        """
        Have its request refused, for want of memory.
        """
        self._refuse(
            ErrorResponse(503, "too many uploads at once; try again later", extra="Retry-After: 1\r\n", close=True)
        )

    def submit(self) -> int:
        """
        Put the whole body into the queue and return its slot, or why that cannot be: `NO_SLOT`, `NO_MEMORY`.
        """
        ring = self._pool.ring
        slot = self._end()
        if not self._pool.budget.admit(self._size, in_ring=slot != NO_SLOT):
            if slot != NO_SLOT:
                ring.release(slot)
            self._pieces.clear()
            return NO_MEMORY
        if slot == NO_SLOT:
            slot = ring.reserve()
            if slot >= 0:
                self._copy(lambda offset, piece: ring.write(slot, offset, piece, len(piece)))
        self._pieces.clear()
        if slot >= 0:
            ring.publish(slot, self._size)
        return slot

    def take(self) -> bytes:
        """
        Take the whole body out, and drop the rest.
        """
        slot = self.slot
        data = b"".join(self._pieces) if slot == NO_SLOT else self._pool.ring.input(slot, self._size)
        self.drop()
        return data

    def drop(self) -> None:
        """
        Give up: the request was refused or its client is gone.
        """
        slot = self._end()
        if slot != NO_SLOT:
            self._pool.ring.release(slot)
        self._pieces.clear()

    def leave(self) -> None:
        """
        Leave the slot, and go on in the front's memory.
        """
        pool = self._pool
        body = pool.ring.input(self.slot, self._size)
        pool.ring.release(self.slot)
        pool.slot_returned(self)
        self.slot = NO_SLOT
        pool.budget.release(self)
        self._pieces.append(body)
        pool.budget.hold(self, self._size)

    def _end(self) -> int:
        """
        Hold nothing from here on. Returns the slot, which is the caller's now.
        """
        self._over = True
        slot, self.slot = self.slot, NO_SLOT
        if slot != NO_SLOT:
            self._pool.slot_returned(self)
        self._pool.budget.release(self)
        return slot

    def _gather(self, piece: bytes) -> None:
        last = self._pieces[-1] if self._pieces else None
        if len(piece) >= _SMALL_PIECE:
            self._pieces.append(piece)
        elif isinstance(last, bytearray) and len(last) < _JOINED_MOST:
            last += piece
        else:
            self._pieces.append(bytearray(piece))

    def _copy(self, write: Callable[[int, bytes], int]) -> None:
        offset = 0
        for piece in self._pieces:
            write(offset, bytes(piece))
            offset += len(piece)
