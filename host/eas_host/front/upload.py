"""
Where the bodies go that arrive in several pieces.

Small requests arrive whole and are copied into a slot once. A body in pieces is written straight into a slot of its
own while such slots last; there are `EARLY_SLOTS` of them beside those that the queue needs, so slow uploads cannot
take a slot that others need. The rest gather in the front's memory, up to a bound; beyond it their connections are
read no further until others have finished. The deadline of each request ends what takes too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from eas_host.front.limits import EARLY_SLOTS, UPLOADS_MEMORY
from eas_host.ring import FrontRing

NO_SLOT: Final = -1


class Pausable(Protocol):
    """
    A connection that can be read no further for a while.
    """

    def hold_upload(self) -> None:
        """
        Stop reading.
        """

    def resume_upload(self) -> None:
        """
        Read on.
        """


class Uploads:
    """
    The bounds that all unfinished bodies share.
    """

    def __init__(self, ring: FrontRing) -> None:
        self.ring = ring
        self._early_free = EARLY_SLOTS
        self._memory_free = UPLOADS_MEMORY
        self._held: set[Pausable] = set()

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

    def take_memory(self, size: int, connection: Pausable) -> None:
        """
        Account for *size* bytes; if that is too much, *connection* is held until others have finished.
        """
        self._memory_free -= size
        if self._memory_free < 0 and connection not in self._held:
            self._held.add(connection)
            connection.hold_upload()

    def give_memory(self, size: int) -> None:
        """
        *size* bytes were freed.
        """
        self._memory_free += size
        if self._held and self._memory_free >= 0:
            held, self._held = self._held, set()
            for connection in held:
                connection.resume_upload()

    def forget(self, connection: Pausable) -> None:
        """
        *connection* is gone.
        """
        self._held.discard(connection)


class Upload:
    """
    One body in pieces. Ends with exactly one `submit` or `drop`.
    """

    __slots__ = ("_connection", "_pieces", "_size", "_uploads", "slot")

    def __init__(self, uploads: Uploads, connection: Pausable) -> None:
        self._uploads = uploads
        self._connection = connection
        self.slot = uploads.lend_slot()
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        """
        Add *piece*. The caller has checked the body's size against its limit.
        """
        if self.slot != NO_SLOT:
            self._uploads.ring.write(self.slot, self._size, piece, len(piece))
        else:
            self._pieces.append(piece)
            self._uploads.take_memory(len(piece), self._connection)
        self._size += len(piece)

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
            self._uploads.give_memory(self._size)
        self._pieces.clear()
        if slot >= 0:
            ring.publish(slot, self._size)
        return slot

    def drop(self) -> None:
        """
        Give up: the request was refused or its client is gone.
        """
        if self.slot != NO_SLOT:
            self._uploads.ring.release(self.slot)
            self._uploads.slot_returned()
        else:
            self._uploads.give_memory(self._size)
        self._pieces.clear()

    def _copy(self, write: Callable[[int, bytes], int]) -> None:
        offset = 0
        for piece in self._pieces:
            write(offset, piece)
            offset += len(piece)
