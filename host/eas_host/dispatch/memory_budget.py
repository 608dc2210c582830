"""
One bound on the memory that clients make the host hold (`--memory-budget`).

A client that sends a body and does not end it, or asks for an answer and does not read it, *holds* memory for nothing.
What requests in the ring *use* is counted apart: they wait for the processor or run, and end by themselves. What is
held gives way to what is used, but for an eighth of the budget. Beyond that, requests with large bodies are refused
instead; the last eighth before that point is for smaller ones. A quarter of the budget is for bodies that are being
decompressed.

When too much is held, the clients that have cost most, in bytes times seconds, are evicted: their uploads are refused,
or their connections reset. So small clients and quick ones are spared.

The memory of the rings is measured, outputs that workers are writing included. Between two measurements the budget adds
up what the front writes there, so that it measures only when there might not be room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from eas_host import answers, log
from eas_host.dispatch.responses import ErrorResponse
from eas_host.system import memory

if TYPE_CHECKING:
    from eas_host.ring import FrontRing

_MEMORY_DIVISOR: Final = 3
"""The default is one part in so many. The processor needs most of the memory: it has each body and answer once more."""
_MAX_DEFAULT: Final = 4 * 2**30
"""Bytes: 64 waiting requests with the largest bodies, 64 MiB each."""
_MIN_DEFAULT: Final = 16 * 2**20

_SLACK_DIVISOR: Final = 16
"""One part in so many is freed in addition: finding who has cost most takes a while where thousands hold a little."""
_MIN_SECONDS: Final = 0.001
"""Added to the time that each has held, so that among those that have only just begun the size decides."""
_LOG_SECONDS: Final = 1.0
_RING_OVERHEAD: Final = 64 * 1024
"""Bytes of each ring that are no body and no output. If they counted, the largest body would never find room."""


class Holder(Protocol):
    """
    What holds memory for a client.
    """

    def evict(self) -> None:
        """
        Refuse the client, or reset its connection, and release what it held.
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
    Shares out *size* bytes, by default `default_size()`. *now* returns the loop's time.

    Attributes:
        size: bytes of the whole budget.
        max_body: bytes of the largest body that is taken: *max_body*, or less if that could never find room.
        max_body_option: the option to raise for larger bodies.
        rings: those of all backends; whoever makes one adds it.
        decompressing: bytes that are reserved for bodies that are being decompressed.
    """

    def __init__(self, now: Callable[[], float], size: int | None, max_body: int) -> None:
        self.size = size or default_size()
        self.rings: set[FrontRing] = set()
        self.decompressing = 0
        self._eighth = self.size // 8
        self._now = now
        self._holders: dict[Holder, _Held] = {}
        self._own = 0  # held in the front's memory
        self._held_in_rings = 0
        self._in_rings = 0  # held or used there, at the last measurement
        self._unmeasured = 0  # written there since
        self._making_room = False
        self._next_log = 0.0
        self._unreported = 0  # evictions
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
        Bytes of the largest answer that can wait for its client to read it.
        """
        return 6 * self._eighth

    @property
    def largest_decompression(self) -> int:
        """
        The most bytes that can ever be reserved for decompressing.
        """
        return 4 * self._eighth

    def hold(self, holder: Holder, size: int, *, in_ring: bool = False) -> None:
        """
        Count *size* more bytes that *holder* is about to hold. If that is too much, the holders that have cost most are
        evicted, perhaps *holder* among them.
        """
        held = self._holders.get(holder)
        if held is None:
            held = self._holders[holder] = _Held(self._now())
        if in_ring:
            held.ring += size
            self._held_in_rings += size
            self._unmeasured += size
        else:
            held.own += size
            self._own += size
        if self._own + self._in_rings + self._unmeasured > self._room and not self._making_room:
            self.make_room()

    def release(self, holder: Holder, size: int | None = None) -> None:
        """
        Count nothing for *holder* any more, or *size* bytes less of the front's memory.
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
        self._held_in_rings -= held.ring

    def set_held(self, holder: Holder, size: int) -> None:
        """
        Count *size* bytes of the front's memory for *holder*, however many were counted before.
        """
        held = self._holders.get(holder)
        more = size - (0 if held is None else held.own)
        if more > 0:
            self.hold(holder, more)
        elif more < 0:
            self.release(holder, -more)

    def admit(self, size: int, *, in_ring: bool = False) -> bool:
        """
        Tell whether a request with a body of *size* bytes may use memory in the ring, for as long as it takes. With
        *in_ring* the body is there already, and is not held any more.
        """
        # As much as the body needs, an eighth at most, stays free for smaller ones.
        most = self._room - self._eighth - min(size, self._eighth)
        more = 0 if in_ring else size
        if self._used + more > most:
            self._measure()
        if self._used + more > most:
            self._trim()
        if self._used + more > most:
            return False
        self._unmeasured += more
        return True

    def reserve_for_decompression(self, size: int) -> bool:
        """
        Reserve *size* bytes for decompressing, and tell whether they were free. To give them back, the caller subtracts
        them from `decompressing`.
        """
        self._measure()
        most = max(2 * self._eighth, self.size - self._own - self._in_rings)
        if self.decompressing + size > most:
            return False
        self.decompressing += size
        return True

    def make_room(self, size: int = 0) -> None:
        """
        Evict the holders that have cost most, until the rest has room, and *size* bytes more.
        """
        self._measure()
        if self._fits(size):
            return
        self._trim()
        if self._fits(size):
            return
        self._making_room = True
        now = self._now()
        costs = {
            holder: (held.own + held.ring) * (now - held.since + _MIN_SECONDS) for holder, held in self._holders.items()
        }
        evicted = 0
        try:
            for holder in sorted(costs, key=costs.__getitem__, reverse=True):
                if holder not in self._holders:
                    continue
                self._evict(holder)
                evicted += 1
                self._trim()
                if self._fits(size, self._room // _SLACK_DIVISOR):
                    break
        finally:
            self._making_room = False
        self._report(evicted, now)

    # -- inside

    @property
    def _room(self) -> int:
        """
        Bytes for everything but decompressing.
        """
        return self.size - max(2 * self._eighth, self.decompressing)

    @property
    def _used(self) -> int:
        """
        Bytes that the requests in the rings use, at most: pages that were there already count twice until the next
        measurement.
        """
        return self._in_rings + self._unmeasured - self._held_in_rings

    def _fits(self, size: int = 0, spare: int = 0) -> bool:
        """
        Tell whether what is held has room beside what is used and *size* bytes more, with *spare* bytes left. An eighth
        may be held in any case: freeing it would not make much room.
        """
        return self._own + self._held_in_rings + spare <= max(self._room - self._used - size, self._eighth)

    def _evict(self, holder: Holder) -> None:
        try:
            holder.evict()
        except Exception:  # noqa: BLE001  a bug of ours costs this client, not the room that others need
            log.exception("internal error while evicting a client")
        self.release(holder)

    def _measure(self) -> None:
        self._in_rings = sum(max(0, ring.resident_bytes - _RING_OVERHEAD) for ring in self.rings)
        self._unmeasured = 0

    def _trim(self) -> None:
        for ring in self.rings:
            ring.trim()
        self._measure()

    def _report(self, evicted: int, now: float) -> None:
        self._unreported += evicted
        if not self._unreported or now < self._next_log:
            return
        self._next_log = now + _LOG_SECONDS
        log.warning(
            "the memory budget of %d MiB is used up (--memory-budget): cut off %d of the clients that hold most of it",
            self.size >> 20,
            self._unreported,
        )
        self._unreported = 0


def default_size() -> int:
    """
    Return the bytes of a budget that is not configured: a part of the memory that there is.
    """
    return max(_MIN_DEFAULT, min(_MAX_DEFAULT, memory.available_bytes() // _MEMORY_DIVISOR))


def no_room() -> ErrorResponse:
    """
    Make the answer to a request for which there is no memory now.
    """
    text = "there is no memory for so large a body now; try again later"
    return ErrorResponse(answers.NO_MEMORY, text, extra="Retry-After: 1\r\n")
