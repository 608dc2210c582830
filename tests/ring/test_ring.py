"""
The ring as Python sees it, both sides in one process. What the ring itself does is tested in native/tests.
"""

from __future__ import annotations

import itertools
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eas_host.ring import COPIED, FrontRing, RingSize, Stats
from eas_runtime.ring import BAD_OUTPUT, RAISED, RETURNED, TOO_LARGE, RingCall, WorkerRing

HANG = 60.0
"""Seconds: longer than any step takes."""
LONG = 11
"""Seconds: above the last bound of the latencies, and less than any machine that runs tests has been up."""
SIGNALS = 20
"""More than can come before the wait begins: the others interrupt it."""


@pytest.fixture
def front() -> Iterator[FrontRing]:
    ring = FrontRing(RingSize(slots=16, workers=2, threads=5, max_body=4096, max_output=4096))
    yield ring
    ring.close()


@pytest.fixture
def worker(front: FrontRing) -> WorkerRing:
    return WorkerRing(front.memory_fd, front.completion_fd, 0)


def ask(front: FrontRing, body: bytes) -> int:
    slot = front.submit(body, len(body))
    assert slot >= 0
    front.wake(1)
    return slot


def answers(front: FrontRing) -> dict[int, bytes]:
    """
    What is complete now, by slot; all of it is small.
    """
    found = {}
    end = 0
    for slot, outcome, _status, size in front.collect() or ():
        assert outcome >= COPIED
        found[slot] = front.copies[end : end + size]
        end += size
    return found


def at_last(action: Callable[[], object]) -> Callable[..., None]:
    """
    A signal handler that does *action* once, after some signals for which it does nothing.
    """
    handled = itertools.count(1)

    def handle(*_: object) -> None:
        if next(handled) == SIGNALS:
            action()

    return handle


def give_up() -> None:
    raise InterruptedError


@contextmanager
def usr1_for_this_thread(handler: Callable[..., None]) -> Iterator[None]:
    """
    Send this thread one SIGUSR1 after the other. One that comes just before it falls asleep is handled with the next.
    """
    ended = threading.Event()
    target = threading.get_ident()

    def send() -> None:
        while not ended.wait(0.001):
            signal.pthread_kill(target, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        yield
    finally:
        ended.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_take_returns_none_true_or_false_for_time_out_request_and_stop(front: FrontRing, worker: WorkerRing) -> None:
    """A time in the past is a time-out, too."""
    call = worker.enter(0)
    for timeout in (0, -1, 0.001):
        assert worker.take(call, timeout) is None
    slot = ask(front, b"body")
    assert worker.take(call, float("inf")) is True
    assert (call.native.slot, call.input()) == (slot, b"body")
    ask(front, b"another")
    assert worker.take(call, 0) is True
    worker.stop()
    assert worker.take(call, HANG) is False
    assert worker.take(call) is False
    worker.leave()


def test_thread_answers_and_takes_in_one_call(front: FrontRing, worker: WorkerRing) -> None:
    """An output that is too large is answered as such, and False says that the worker stops."""
    thread = worker.enter(0)
    slots = [ask(front, body) for body in (b"first", b"second", b"third")]
    assert worker.take(thread)
    assert thread.answer_and_take(200, b"for " + thread.input()) is True
    assert thread.answer_and_take(-7, b"for " + thread.input()) is True
    worker.stop()
    assert thread.answer_and_take(0, bytes(4097)) is False
    done = {}
    end = 0
    for slot, outcome, status, size in front.collect() or ():
        done[slot] = (outcome - COPIED, status, front.copies[end : end + size])
        end += size
    assert done[slots[0]] == (RETURNED, 200, b"for first")
    assert done[slots[1]] == (RETURNED, -7, b"for second")
    assert done[slots[2]][0] == TOO_LARGE
    worker.leave()


def test_calls_of_one_thread_are_completed_by_any_thread_in_any_order(front: FrontRing, worker: WorkerRing) -> None:
    """Each call keeps what belongs to it, and each counts once."""
    calls = [worker.enter(0), RingCall(0), RingCall(0)]
    slots = [ask(front, body) for body in (b"a", b"b", b"c")]
    for call in calls:
        assert worker.take(call)

    def complete(call: RingCall) -> None:
        worker.reply(call, RETURNED, 200, b"for " + call.input())

    complete(calls[2])
    elsewhere = threading.Thread(target=complete, args=(calls[0],))
    elsewhere.start()
    elsewhere.join()
    complete(calls[1])
    assert answers(front) == dict(zip(slots, (b"for a", b"for b", b"for c"), strict=True))

    again = ask(front, b"d")
    assert worker.take(calls[0])
    for late in calls[1:]:
        complete(late)
    assert answers(front) == {}
    complete(calls[0])
    assert answers(front) == {again: b"for d"}


def test_signal_handlers_run_while_take_waits(front: FrontRing, worker: WorkerRing) -> None:
    """A handler that returns does not end the wait, one that raises does, with and without a time-out."""
    call = worker.enter(0)
    for timeout in (None, HANG):
        with usr1_for_this_thread(at_last(lambda: ask(front, b"x"))):
            assert worker.take(call, timeout) is True
        worker.reply(call, RETURNED, 200, b"")
        with pytest.raises(InterruptedError), usr1_for_this_thread(at_last(give_up)):
            worker.take(call, timeout)


def test_statistics_count_each_outcome_that_somebody_waits_for(front: FrontRing, worker: WorkerRing) -> None:
    """Each number of the statistics is where it belongs."""
    assert front.stats() == Stats.zero()
    call = worker.enter(0)
    for outcome, status in ((RETURNED, 0), (RETURNED, 200), (RETURNED, 200), (RETURNED, -5), (RAISED, 0)):
        front.start_earlier(ask(front, b"body"), LONG * 10**9)
        assert worker.take(call)
        worker.reply(call, outcome, status, b"output")
    ask(front, b"body")
    assert worker.take(call)
    worker.reply(call, BAD_OUTPUT, 0, b"why")
    assert front.stats().returned == {}
    assert len(answers(front)) == 6
    stats = front.stats()
    assert stats.returned == {0: 1, 200: 2, -1: 1}
    assert (stats.raised, stats.bad, stats.bytes_in, stats.bytes_out) == (1, 1, 24, 33)
    assert stats.latency_counts[-1] == 5
    assert sum(stats.latency_counts) == 6
    assert stats.latency_sum > 5 * LONG

    unwanted = ask(front, b"")
    assert worker.take(call)
    front.exclude_from_stats(unwanted)
    worker.reply(call, RETURNED, 200, b"output")
    assert list(answers(front)) == [unwanted]
    assert front.cancel(ask(front, b"")) == 1
    assert front.stats() == stats._replace(wake_ups=front.stats().wake_ups, notifications=front.stats().notifications)


def test_ring_that_cannot_be_mapped_raises_and_leaves_no_descriptor() -> None:
    opened = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, hard))
    try:
        with pytest.raises(OSError, match="cannot be mapped"):
            FrontRing(RingSize(slots=256, workers=1, threads=1, max_body=64 << 20, max_output=64 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
