"""
The arithmetic of the memory budget: what counts, which holders are evicted, and when. The ring is a real one; `now`
stands still.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from eas_host.dispatch.body_buffer import BodyBuffer, BodyBufferPool
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.ring import FrontRing, RingSize

MIB = 1 << 20


class Holder:
    """Holds something until it has to give way."""

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self.gone = False
        budget.hold(self, size)

    def evict(self) -> None:
        self.gone = True


class FailingHolder(Holder):
    """Fails when it has to give way."""

    def evict(self) -> None:
        super().evict()
        raise ValueError("I am stuck")


@pytest.fixture(name="ring")
def ring_fixture() -> Iterator[FrontRing]:
    ring = FrontRing(RingSize(slots=8, workers=1, threads=1, max_body=16 * MIB, max_output=16 * MIB))
    yield ring
    ring.close()


def budget_of(ring: FrontRing, size: int = 20 * MIB) -> MemoryBudget:
    budget = MemoryBudget(lambda: 0.0, size, size)
    budget.rings.add(ring)
    return budget


def fill(ring: FrontRing, size: int) -> None:
    """Has a request of *size* bytes take a slot."""
    slot = ring.reserve()
    assert ring.write(slot, 0, bytes(size), size) == 0


def test_small_holders_are_kept_where_evicting_them_makes_no_room(ring: FrontRing) -> None:
    """All that they hold together would not make room for the answer."""
    budget = budget_of(ring)
    small = [Holder(budget, 6_000) for _ in range(20)]
    fill(ring, 13 * MIB)
    budget.make_room(2_600_000)
    assert not any(client.gone for client in small)


def test_largest_holders_are_evicted_for_a_large_answer(ring: FrontRing) -> None:
    """No more of them than it takes."""
    budget = budget_of(ring)
    large = [Holder(budget, 3 * MIB) for _ in range(2)]
    small = [Holder(budget, 6_000) for _ in range(20)]
    fill(ring, 7 * MIB)
    budget.make_room(4 * MIB)
    assert any(client.gone for client in large)
    assert not any(client.gone for client in small)


def test_body_of_the_maximum_size_is_admitted_in_an_idle_host(ring: FrontRing) -> None:
    """What the ring needs for itself does not count."""
    budget = budget_of(ring)
    budget.make_room()
    assert ring.resident_bytes > 0
    assert budget.admit(budget.max_body)


def test_holder_that_fails_to_give_way_does_not_stop_others_from_it(
    ring: FrontRing, caplog: pytest.LogCaptureFixture
) -> None:
    """Now or later."""
    budget = budget_of(ring)
    stuck = FailingHolder(budget, 9 * MIB)
    others = [Holder(budget, 5 * MIB) for _ in range(2)]  # the second is too much
    assert stuck.gone
    assert "I am stuck" in caplog.text
    more = [Holder(budget, 6 * MIB) for _ in range(2)]
    assert any(client.gone for client in (*others, *more))


def test_body_in_tiny_pieces_takes_no_object_for_each_piece(ring: FrontRing) -> None:
    """The body takes only what is held for it."""
    uploads = BodyBufferPool(ring, budget_of(ring))
    uploads.retire()  # lends no slot
    upload = BodyBuffer(uploads, lambda refusal: pytest.fail(refusal.text))
    pieces = [b"%02d" % (number % 100) for number in range(200_000)]
    pieces[1000:1000] = [bytes(5_000), b"x"]
    whole = b"".join(pieces)
    tracemalloc.start()
    for piece in pieces:
        upload.write(bytes(bytearray(piece)))  # an object of its own, as it comes from the parser
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1.3 * len(whole)
    assert ring.input(upload.submit(), len(whole)) == whole
