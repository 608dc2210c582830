"""
Where the bodies go that arrive in several pieces.

Small requests arrive whole and are copied into a slot once. A body in pieces is written straight into a slot of its
own while such slots last; there are `EARLY_SLOTS` of them beside those that the queue needs, so slow uploads cannot
take a slot that others need. The rest gather in the front's memory, up to a bound; beyond it the upload that has taken
longest is refused. The deadline of each request ends what takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eas_host.front.exchange import Exchange, Refusal
from eas_host.front.limits import EARLY_SLOTS, UPLOADS_MEMORY
from eas_host.ring import FrontRing

NO_SLOT: Final = -1


class Uploads:
    """
    The bounds that all unfinished bodies share.
    """

    def __init__(self, ring: FrontRing) -> None:
        self.ring = ring
        self._early_free = EARLY_SLOTS
        self._memory_free = UPLOADS_MEMORY
        self._in_memory: dict[Upload, None] = {}  # in the order in which they began

    def lend_slot(self) -> int:
        """
        Lend a slot, or `NO_SLOT`.
        """
        if self._early_free <= 0:
            return NO_SLOT
        slot = self.ring.reserve()
        if slot >= 0:
            self._early_free -= 1
        return slot

    def slot_returned(self) -> None:
        """
        A lent slot was published or released.
        """
        self._early_free += 1

    def take_memory(self, upload: Upload, size: int) -> None:
        """
        Account for *size* more bytes of *upload*; if that is too much, the upload that takes longest is refused.
        """
        self._in_memory[upload] = None
        self._memory_free -= size
        if self._memory_free < 0:
            next(iter(self._in_memory)).refuse()

    def give_memory(self, upload: Upload, size: int) -> None:
        """
        *size* bytes were freed: *upload* has ended.
        """
        self._in_memory.pop(upload, None)
        self._memory_free += size


class Upload:
    """
    One body in pieces. Ends with exactly one `submit`, `take` or `drop`.
    """

    __slots__ = ("_exchange", "_pieces", "_size", "_uploads", "slot")

    def __init__(self, uploads: Uploads, exchange: Exchange) -> None:
        self._uploads = uploads
        self._exchange = exchange
        self.slot = uploads.lend_slot()
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        """
        Add *piece*. The caller has checked the body's size against its limit.
        """
        start = self._size
        self._size += len(piece)
        if self.slot != NO_SLOT:
            self._uploads.ring.write(self.slot, start, piece, len(piece))
        else:
            self._pieces.append(piece)
            self._uploads.take_memory(self, len(piece))

    def refuse(self) -> None:
        """
        Have its request refused, for want of memory.
        """
        refusal = Refusal(503, "too many uploads at once; try again later", extra="Retry-After: 1\r\n", close=True)
        self._exchange.connection.expire(self._exchange, refusal)

    def submit(self) -> int:
        """
        Put the whole body into the queue and return its slot, or `NO_SLOT` if there is none.
        """
        ring = self._uploads.ring
        slot = self.slot
        if slot != NO_SLOT:
            self._uploads.slot_returned()
        else:
            slot = ring.reserve()
            if slot >= 0:
                self._copy(lambda offset, piece: ring.write(slot, offset, piece, len(piece)))
            self._uploads.give_memory(self, self._size)
        self._pieces.clear()
        if slot >= 0:
            ring.publish(slot, self._size)
        return slot

    def take(self) -> bytes:
        """
        Take the whole body out, and drop the rest.
        """
        slot = self.slot
        data = b"".join(self._pieces) if slot == NO_SLOT else self._uploads.ring.input(slot, self._size)
        self.drop()
        return data

    def drop(self) -> None:
        """
        Give up: the request was refused or its client is gone.
        """
        if self.slot != NO_SLOT:
            self._uploads.ring.release(self.slot)
            self._uploads.slot_returned()
        else:
            self._uploads.give_memory(self, self._size)
        self._pieces.clear()

    def _copy(self, write: Callable[[int, bytes], int]) -> None:
        offset = 0
        for piece in self._pieces:
            write(offset, piece)
            offset += len(piece)
