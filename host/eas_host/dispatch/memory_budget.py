"""
One bound on the memory that clients make the host hold (`--memory-budget`).

Whoever sends a body and does not end it, or asks for an answer and does not read it, *holds* memory for nothing. That
is told apart from what requests in the ring use: those wait for the processor or run, and end by themselves. What is
held gives way to that, but for an eighth of the budget; then requests with large bodies are refused instead, and the
last eighth before is for the smaller ones. A quarter of the budget is for bodies that are being unpacked.

When it is too much, whoever has cost most, as bytes times seconds, has to go: his upload is refused, his connection
reset. So it is neither the small client nor the quick one.

The ring is asked for its memory as it is, outputs that workers are writing included. Between two looks what the front
writes there is added up, so that it is asked only when there might not be room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from eas_host import log
from eas_host.dispatch.responses import ErrorResponse
from eas_host.system import memory

if TYPE_CHECKING:
    from eas_host.ring import FrontRing

_PART_OF_MEMORY: Final = 3
"""The processor needs most of it: a body is there once more for it, and so is its answer."""
_MOST: Final = 4 * 2**30
"""By default: 64 waiting requests with the largest bodies, 64 MiB each."""
_LEAST: Final = 16 * 2**20

_SLACK_PART: Final = 16
"""One part in so many is made free at once: to find who has cost most takes a while where thousands hold a little."""
_QUICK: Final = 0.001
"""Seconds: who has only just begun has cost that much already, so that then the size decides."""
_LOG_SECONDS: Final = 1.0
_RING_ITSELF: Final = 64 * 1024
"""Bytes of each ring that are no body and no output: with them a body as large as allowed would never find room."""


class Holder(Protocol):
    """
    What holds memory for a client.
    """

    def evict(self) -> None:
        """
        Have the client refused, or its connection reset; what was held is given back.
        """


class _Held:
    """
    What one holder holds: bytes in the *ring*, bytes in the front's *own* memory, and *since* when.
    """

    __slots__ = ("own", "ring", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.own = self.ring = 0


class MemoryBudget:
    """
    Shares *size* bytes out, or what the machine has for that; *now* tells the loop's time.

    Attributes:
        size: the whole of it.
        max_body: the largest body that is taken: what was asked for, as far as it could ever find room.
        max_body_option: the option that has to grow for more.
        rings: those of all backends; who makes one adds it.
        unpacking: bytes that are reserved for bodies that are being unpacked.
    """

    def __init__(self, now: Callable[[], float], size: int | None, max_body: int) -> None:
        self.size = size or default_size()
        self.rings: set[FrontRing] = set()
        self.unpacking = 0
        self._eighth = self.size // 8
        self._now = now
        self._holders: dict[Holder, _Held] = {}
        self._own = 0  # held in the front's memory
        self._lent = 0  # held in the rings
        self._in_rings = 0  # all that was there at the last look
        self._unseen = 0  # written there since
        self._making_room = False
        self._next_log = 0.0
        self._unsaid = 0
        self.max_body = min(max_body, 4 * self._eighth)
        self.max_body_option = "--max-body" if self.max_body == max_body else "--memory-budget"
        if self.max_body < max_body:
            log.warning(
                "bodies above %d bytes will answer 413, whatever --max-body says: --memory-budget is %d bytes",
                self.max_body,
                self.size,
            )

    @property
    def held_in_heap(self) -> int:
        """
        Bytes of the front's own memory that are held.
        """
        return self._own

    @property
    def largest_answer(self) -> int:
        """
        No answer above this can wait for its client to read it.
        """
        return 6 * self._eighth

    @property
    def largest_unpacking(self) -> int:
        """
        No more than this is reserved at once.
        """
        return 4 * self._eighth

    def hold(self, holder: Holder, size: int, *, in_ring: bool = False) -> None:
        """
        *holder* is about to hold *size* more bytes. If that is too much, those who have cost most give way; it may be
        among them.
        """
        held = self._holders.get(holder)
        if held is None:
            held = self._holders[holder] = _Held(self._now())
        if in_ring:
            held.ring += size
            self._lent += size
            self._unseen += size
        else:
            held.own += size
            self._own += size
        if self._own + self._in_rings + self._unseen > self._room and not self._making_room:
            self.make_room()

    def release(self, holder: Holder, size: int | None = None) -> None:
        """
        *holder* holds nothing any more, or *size* bytes less of the front's memory.
        """
        held = self._holders.get(holder)
        if held is None:
            return
        if size is not None and size < held.own:
            held.own -= size
            self._own -= size
            return
        del self._holders[holder]
        self._own -= held.own
        self._lent -= held.ring

    def set_held(self, holder: Holder, size: int) -> None:
        """
        *holder* holds *size* bytes of the front's memory now, however many there were.
        """
        held = self._holders.get(holder)
        more = size - (0 if held is None else held.own)
        if more > 0:
            self.hold(holder, more)
        elif more < 0:
            self.release(holder, -more)

    def admit(self, size: int, *, in_ring: bool = False) -> bool:
        """
        Tell whether a request with a body of *size* bytes may use memory in the ring, for as long as it takes. If the
        body is there already it is not held any more.
        """
        # So much stays free after it, for those who want less.
        most = self._room - self._eighth - min(size, self._eighth)
        more = 0 if in_ring else size
        if self._used + more > most:
            self._look()
        if self._used + more > most:
            self._trim()
        if self._used + more > most:
            return False
        self._unseen += more
        return True

    def unpack(self, size: int) -> bool:
        """
        Reserve *size* bytes for unpacking, if they are free. They are given back by taking them from `unpacking`.
        """
        self._look()
        most = max(2 * self._eighth, self.size - self._own - self._in_rings)
        if self.unpacking + size > most:
            return False
        self.unpacking += size
        return True

    def make_room(self, size: int = 0) -> None:
        """
        Have those who have cost most give way, until the rest has room, and *size* bytes more.
        """
        self._look()
        if self._fits(size):
            return
        self._trim()
        if self._fits(size):
            return
        self._making_room = True
        now = self._now()
        costs = {holder: (held.own + held.ring) * (now - held.since + _QUICK) for holder, held in self._holders.items()}
        gone = 0
        try:
            for holder in sorted(costs, key=costs.__getitem__, reverse=True):
                if holder not in self._holders:
                    continue
                self._evict(holder)
                gone += 1
                self._trim()
                if self._fits(size, self._room // _SLACK_PART):
                    break
        finally:
            self._making_room = False
        self._report(gone, now)

    # -- inside

    @property
    def _room(self) -> int:
        """
        For all but unpacking.
        """
        return self.size - max(2 * self._eighth, self.unpacking)

    @property
    def _used(self) -> int:
        """
        What the requests in the rings use, at most: pages that were there already count twice until the next look.
        """
        return self._in_rings + self._unseen - self._lent

    def _fits(self, size: int = 0, spare: int = 0) -> bool:
        """
        Tell whether what is held has room beside what is used, and *size* bytes more, with *spare* bytes left. An
        eighth is for what is held in any case: to take it away would not make much room.
        """
        return self._own + self._lent + spare <= max(self._room - self._used - size, self._eighth)

    def _evict(self, holder: Holder) -> None:
        try:
            holder.evict()
        except Exception:  # noqa: BLE001  a bug of ours costs this client, not the room that others need
            log.exception("internal error while a client gives way")
        self.release(holder)

    def _look(self) -> None:
        self._in_rings = sum(max(0, ring.resident_bytes - _RING_ITSELF) for ring in self.rings)
        self._unseen = 0

    def _trim(self) -> None:
        for ring in self.rings:
            ring.trim()
        self._look()

    def _report(self, gone: int, now: float) -> None:
        self._unsaid += gone
        if not self._unsaid or now < self._next_log:
            return
        self._next_log = now + _LOG_SECONDS
        log.warning(
            "the memory budget of %d MiB is used up (--memory-budget): cut off %d of the clients that hold most of it",
            self.size >> 20,
            self._unsaid,
        )
        self._unsaid = 0


def default_size() -> int:
    """
    Bytes that clients may make the host hold where nobody says how many: a part of the memory that there is.
    """
    return max(_LEAST, min(_MOST, memory.available_bytes() // _PART_OF_MEMORY))


def no_room() -> ErrorResponse:
    """
    The answer to a request for which there is no memory now.
    """
    return ErrorResponse(503, "there is no memory for so large a body now; try again later", extra="Retry-After: 1\r\n")
