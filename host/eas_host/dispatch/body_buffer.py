"""
Gathers the bodies that arrive in several pieces.

Small requests arrive whole and are copied into a slot once. A body in pieces is written straight into a slot of its
own while such slots last; there are `EARLY_SLOTS` of them beside those that the queue needs, so slow uploads cannot
take a slot that others need. The rest of a large one is received there, past the parser, if the transport can do that.
Bodies without a slot gather in the front's memory. In both places they are held (`dispatch.memory_budget`) until they
are whole. The deadline of its request ends a body that takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from eas_host import answers
from eas_host.dispatch.limits import EARLY_SLOTS
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.ring import FrontRing

NO_SLOT: Final = -1
NO_MEMORY: Final = -2

_SMALL_PIECE: Final = 4096
"""A piece of fewer bytes is joined to those before it: each object takes some 60 bytes more than are held for it."""
_MAX_JOINED: Final = 64 * 1024
"""Pieces are joined up to this size in bytes, so that a joined piece that grows is not moved again and again."""


class BodyReceiver(Protocol):
    """
    The transport of a client, if it can receive bytes straight into a slot.
    """

    def receive(self, on_received: Callable[[int], None], ring: int, slot: int, offset: int, size: int) -> None:
        """
        Receive the next *size* bytes straight into a *slot* of *ring*, and call *on_received* with how many have come.
        """

    def stop_receiving(self) -> None:
        """
        Receive no more into a slot, which is about to be published or released.
        """


class BodyBufferPool:
    """
    The unfinished bodies for one *ring*; their memory counts against *budget*.
    """

    def __init__(self, ring: FrontRing, budget: MemoryBudget) -> None:
        self.ring = ring
        self.budget = budget
        self._in_ring: set[BodyBuffer] = set()
        self._retired = False

    @property
    def idle(self) -> bool:
        """
        Whether no unfinished body is in the ring.
        """
        return not self._in_ring

    def acquire_slot(self, buffer: BodyBuffer) -> int:
        """
        Reserve a slot for *buffer* and return it, or `NO_SLOT`.
        """
        if self._retired or len(self._in_ring) >= EARLY_SLOTS:
            return NO_SLOT
        slot = self.ring.reserve()
        if slot >= 0:
            self._in_ring.add(buffer)
        return slot

    def slot_returned(self, buffer: BodyBuffer) -> None:
        """
        Note that *buffer* has no slot any more, since it is published or released.
        """
        self._in_ring.discard(buffer)

    def retire(self) -> None:
        """
        Reserve no more slots: the ring will be closed. Bodies that still begin gather in the front's memory.
        """
        self._retired = True

    def leave_ring(self) -> None:
        """
        Move all unfinished bodies from the ring into the front's memory: the ring is about to be closed.
        """
        for buffer in list(self._in_ring):
            if buffer in self._in_ring:  # else it was evicted when one before it moved
                buffer.leave_ring()


class BodyBuffer:
    """
    One body in pieces. Ends with exactly one `submit`, `take` or `drop`. *refuse* ends its request for want of memory.
    """

    __slots__ = ("_ended", "_pieces", "_pool", "_receiver", "_refuse", "_size", "slot")

    def __init__(self, pool: BodyBufferPool, refuse: Callable[[ErrorResponse], None]) -> None:
        self._pool = pool
        self._refuse = refuse
        self.slot = pool.acquire_slot(self)
        self._pieces: list[bytes | bytearray] = []
        self._size = 0
        self._ended = False
        self._receiver: BodyReceiver | None = None

    def write(self, piece: bytes) -> None:
        """
        Add *piece*. The caller has checked the body's size against its limit.
        """
        start = self._size
        self._size += len(piece)
        in_ring = self.slot != NO_SLOT
        self._pool.budget.hold(self, len(piece), in_ring=in_ring)
        if self._ended:
            return  # it was evicted
        if in_ring:
            self._pool.ring.write(self.slot, start, piece, len(piece))
        else:
            self._gather(piece)

    def receive(self, receiver: BodyReceiver, on_received: Callable[[int], None], ring: int, size: int) -> None:
        """
        Have *receiver* write the *size* bytes that are still to come into the slot, if there is one, which is of *ring*
        by the plane's number. *on_received* calls `received`.
        """
        if self.slot != NO_SLOT:
            self._receiver = receiver
            receiver.receive(on_received, ring, self.slot, self._size, size)

    def received(self, size: int) -> None:
        """
        Note that the receiver has written *size* bytes.
        """
        self._size += size
        self._pool.budget.hold(self, size, in_ring=True)

    def evict(self) -> None:
        """
        Refuse its request, for want of memory.
        """
        text = "too many uploads at once; try again later"
        self._refuse(ErrorResponse(answers.UPLOAD_DROPPED, text, extra="Retry-After: 1\r\n"))

    def submit(self) -> int:
        """
        Put the whole body into the queue and return its slot; `NO_SLOT` or `NO_MEMORY` if there is no room for it.
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
        Return a copy of the whole body, and drop the buffer.
        """
        slot = self.slot
        data = b"".join(self._pieces) if slot == NO_SLOT else self._pool.ring.input(slot, self._size)
        self.drop()
        return data

    def drop(self) -> None:
        """
        Discard the body: the request was refused or its client is gone.
        """
        slot = self._end()
        if slot != NO_SLOT:
            self._pool.ring.release(slot)
        self._pieces.clear()

    def leave_ring(self) -> None:
        """
        Move from the slot into the front's memory.
        """
        pool = self._pool
        self._stop_receiving()
        body = pool.ring.input(self.slot, self._size)
        pool.ring.release(self.slot)
        pool.slot_returned(self)
        self.slot = NO_SLOT
        pool.budget.release(self)
        self._pieces.append(body)
        pool.budget.hold(self, self._size)

    def _end(self) -> int:
        """
        Hold nothing from here on. Returns the slot, which the caller must publish or release, or `NO_SLOT`.
        """
        self._ended = True
        self._stop_receiving()
        slot, self.slot = self.slot, NO_SLOT
        if slot != NO_SLOT:
            self._pool.slot_returned(self)
        self._pool.budget.release(self)
        return slot

    def _stop_receiving(self) -> None:
        """
        Have nobody write into the slot any more: another request may have it next.
        """
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.stop_receiving()

    def _gather(self, piece: bytes) -> None:
        last = self._pieces[-1] if self._pieces else None
        if len(piece) >= _SMALL_PIECE:
            self._pieces.append(piece)
        elif isinstance(last, bytearray) and len(last) < _MAX_JOINED:
            last += piece
        else:
            self._pieces.append(bytearray(piece))

    def _copy(self, write: Callable[[int, bytes], int]) -> None:
        offset = 0
        for piece in self._pieces:
            write(offset, bytes(piece))
            offset += len(piece)
