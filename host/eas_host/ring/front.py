"""
The front's side of the ring: it creates the memory, submits requests, drains what is complete and recovers from deaths.

One thread only. The hot calls (`submit`, `release`, `bell`) are bound straight to the native functions: a method of our
own around each would cost as much as the call.
"""

from __future__ import annotations

import operator
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from eas_host import _native
from eas_host.ring.face import ERROR_SIZE, ffi, lib, text

_OURS: Final = (_native.__file__, str(Path(_native.__file__).with_name("eas-cpp-worker")))
"""The files that our own frames are in: the module's, and that of workers that are no Python processes."""
_COLLECT_MAX: Final = 256
"""Completions taken by one native call; more wait for the next one."""
_COPIES_SIZE: Final = 64 * 1024
"""Room for the outputs that one native call copies: they stay in the first-level caches."""
_BLOCK: Final = 512
"""What st_blocks counts in, whatever the file system (POSIX)."""
_NUMBERS: Final = 4
"""Numbers for each completion: slot, outcome, status, size."""


class Shape(NamedTuple):
    """
    How large a ring is: its slots, its workers and their threads; the spans of a slot in bytes.
    """

    slots: int
    workers: int
    threads: int
    max_body: int
    max_output: int


class Crash(NamedTuple):
    """
    What a worker's crash handler left behind.

    *signal* is 0 where the processor called `exit()`. *slot* is -1 where the thread ran no request. *frames* are
    `function (path+0xoffset)` as far as that is known, innermost first.
    """

    signal: int
    code: int
    slot: int
    thread: int
    address: int
    frames: tuple[str, ...]


LATENCY_BOUNDS: Final[tuple[float, ...]] = tuple(nanoseconds / 1e9 for nanoseconds in lib.eas_latency_bounds)
"""The longest time of each bucket of `Stats.latency_counts` in seconds, but for the last, which has none."""


class Stats(NamedTuple):
    """
    What was counted of the requests that processors answered, whatever the answer.

    *latency_counts* has one number for each of `LATENCY_BOUNDS` and one for all above, not cumulated: requests by the
    time from their begin until their completion was collected. *latency_sum* is in seconds. *returned* counts by the
    status that the processor returned, -1 stands for those outside of 0 .. 999; *bad* has what cannot be an output, or
    is too large. *bytes_in* counts all bodies that were submitted, *bytes_out* the outputs, texts of errors included.
    """

    latency_counts: tuple[int, ...]
    latency_sum: float
    returned: dict[int, int]
    raised: int
    bad: int
    bytes_in: int
    bytes_out: int

    @classmethod
    def zero(cls) -> Stats:
        """
        Nothing counted.
        """
        return cls((0,) * (len(LATENCY_BOUNDS) + 1), 0.0, {}, 0, 0, 0, 0)

    def __add__(self, other: object) -> Stats:  # it adds up; a tuple would grow
        """
        What two rings have counted.
        """
        assert isinstance(other, Stats)  # noqa: S101  no tuple is added to it
        return Stats(
            tuple(map(operator.add, self.latency_counts, other.latency_counts)),
            self.latency_sum + other.latency_sum,
            dict(Counter(self.returned) + Counter(other.returned)),
            *map(operator.add, self[3:], other[3:]),
        )


class FrontRing:
    """
    The ring as the front sees it.

    Attributes:
        copies: the outputs that `collect` has copied; a slice of it is bytes.
        memory_fd: the shared memory, to be inherited by workers.
        completion_fd: an eventfd that becomes readable when enough is complete, if `arm` said so.
        submit: `submit(body, size) -> slot`, or -1 when no slot is free. Wakes nobody: see `bell`.
        reserve: `reserve() -> slot` or -1, for a body that arrives in pieces; then `write` and `publish`.
        write: `write(slot, offset, data, size) -> 0`, or -1 if that does not fit.
        publish: `publish(slot, size)`.
        release: `release(slot)`: its bytes have been copied, it is free.
        trim: `trim()`: free slots give the memory back that they keep for their next requests.
        cancel: `cancel(slot) -> 1` if it was still waiting and is free now, 0 if a worker has it.
        backdate: `backdate(slot, nanoseconds)`: the request began that much earlier than it was published.
        uncount: `uncount(slot)`: nobody waits for the request any more, so `stats` shall not have its completion.
        waiting: `waiting() -> int`: requests that no worker has taken yet.
        bell: `bell(threads)`: wake up to that many worker threads.
        nudge: `nudge()`: wake one worker thread, unless one is awake that will look at the queue soon.
        arm: `arm() -> 1`, or 0 when enough is complete already: collect again. One is enough; while many requests
            wait, a quarter of them, 8 at most.
        rest: `rest(1)`: tell of every completion at once, `rest(0)`: they may gather again; then drain and `arm`.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        error = ffi.new("char[]", ERROR_SIZE)
        self.memory_fd: int = lib.eas_ring_create(ffi.new("eas_shape *", tuple(shape)), error, ERROR_SIZE)
        if self.memory_fd < 0:
            raise OSError(f"cannot create the ring: {text(error)}")
        try:
            self.completion_fd: int = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError:
            os.close(self.memory_fd)
            raise
        ring = lib.eas_ring_map(self.memory_fd, self.completion_fd, error, ERROR_SIZE)
        if ring == ffi.NULL:
            os.close(self.memory_fd)
            os.close(self.completion_fd)
            raise OSError(f"cannot map the ring: {text(error)}")
        self._ring = ring
        self._completions = ffi.new("int64_t[]", _NUMBERS * _COLLECT_MAX)
        self._copies = ffi.new("char[]", _COPIES_SIZE)
        self.copies: bytes = ffi.buffer(self._copies)
        self._inputs, self._outputs, self._stride = self._buffers()
        self.submit: Callable[[bytes, int], int] = partial(lib.eas_front_submit, ring)
        self.reserve: Callable[[], int] = partial(lib.eas_front_reserve, ring)
        self.write: Callable[[int, int, bytes, int], int] = partial(lib.eas_front_write, ring)
        self.publish: Callable[[int, int], None] = partial(lib.eas_front_publish, ring)
        self.release: Callable[[int], None] = partial(lib.eas_front_release, ring)
        self.trim: Callable[[], None] = partial(lib.eas_front_trim, ring)
        self.cancel: Callable[[int], int] = partial(lib.eas_front_cancel, ring)
        self.backdate: Callable[[int, int], None] = partial(lib.eas_front_backdate, ring)
        self.uncount: Callable[[int], None] = partial(lib.eas_front_uncount, ring)
        self.waiting: Callable[[], int] = partial(lib.eas_front_waiting, ring)
        self.bell: Callable[[int], None] = partial(lib.eas_front_bell, ring)
        self.nudge: Callable[[], None] = partial(lib.eas_front_nudge, ring)
        self.arm: Callable[[], int] = partial(lib.eas_front_arm, ring)
        self.rest: Callable[[int], None] = partial(lib.eas_front_rest, ring)

    def collect(self) -> Iterator[tuple[int, int, int, int]] | None:
        """
        Take what is complete: slot, outcome, status and size of each, all checked; None if there is nothing.

        Small outputs are copied at once, in this order, to the start of `copies`, and their slots are free again; their
        outcome has `COPIED` added. The others wait for `output` and `release`.
        """
        count = lib.eas_front_collect(self._ring, self._completions, _COLLECT_MAX, self._copies, _COPIES_SIZE)
        if not count:
            return None
        numbers = iter(ffi.unpack(self._completions, _NUMBERS * count))
        return zip(numbers, numbers, numbers, numbers, strict=False)

    def output(self, slot: int, size: int) -> bytes:
        """
        Copy the first *size* bytes of the output in *slot*.
        """
        start = slot * self._stride
        copied: bytes = self._outputs[start : start + size]
        return copied

    def input(self, slot: int, size: int) -> bytes:
        """
        Copy the first *size* bytes of the body in *slot*, which must be reserved.
        """
        start = slot * self._stride
        copied: bytes = self._inputs[start : start + size]
        return copied

    @property
    def resident(self) -> int:
        """
        Bytes of memory that the ring takes now, whoever wrote them.
        """
        return os.fstat(self.memory_fd).st_blocks * _BLOCK

    def phase(self, slot: int) -> tuple[int, int]:
        """
        Tell the phase of *slot* and the worker that has it.

        A slot that its worker completed but could not report any more is part of the next `collect` from here on.
        """
        worker = ffi.new("uint32_t *")
        return lib.eas_front_phase(self._ring, slot, worker, ffi.NULL), worker[0]

    def stats(self) -> Stats:
        """
        Read what was counted since the ring was made.
        """
        counted = ffi.new("eas_stats *")
        lib.eas_front_stats(self._ring, counted)
        returned = {status: count for status, count in enumerate(counted.returned) if count}
        if counted.returned_other:
            returned[-1] = counted.returned_other
        return Stats(
            latency_counts=tuple(counted.latency),
            latency_sum=counted.latency_nanoseconds / 1e9,
            returned=returned,
            raised=counted.raised,
            bad=counted.bad,
            bytes_in=counted.bytes_in,
            bytes_out=counted.bytes_out,
        )

    def completed(self, worker: int) -> int:
        """
        Count what the processes of *worker* have completed since the ring was made, as far as it was collected.
        """
        count: int = lib.eas_front_completed(self._ring, worker)
        return count

    def mend(self) -> None:
        """
        Make the queue whole again: a wild worker may have overwritten what tells of a request that waits.
        """
        lib.eas_front_mend(self._ring)

    def resubmit(self, slot: int) -> None:
        """
        Queue *slot*, whose worker died, again.
        """
        lib.eas_front_resubmit(self._ring, slot)

    def run_alone(self, slot: int, worker: int) -> None:
        """
        Give *slot*, whose worker died, to *worker*, which is in solo mode.
        """
        lib.eas_front_requeue_solo(self._ring, slot, worker)
        self.bell(self.shape.threads * self.shape.workers)

    def reset_worker(self, worker: int, *, solo: bool) -> None:
        """
        Prepare the record of *worker* for a new process; with *solo* it takes nothing from the queue at first.
        """
        lib.eas_front_worker_reset(self._ring, worker, int(solo))

    def leave_solo(self, worker: int) -> None:
        """
        Let *worker* take from the queue.
        """
        lib.eas_front_worker_normal(self._ring, worker)
        self.bell(self.shape.threads)

    def crash(self, worker: int) -> Crash | None:
        """
        Read what the crash handler of *worker* left, if it did.
        """
        record = ffi.new("eas_crash *")
        if not lib.eas_front_crash(self._ring, worker, record):
            return None
        frames = [text(record.frame[i]) for i in range(record.frame_count)]
        described = tuple(map(_describe, _users_frames(frames)))
        return Crash(record.signal, record.code, record.slot, record.thread, record.address, described)

    def close(self) -> None:
        """
        Unmap the memory and close the descriptors.
        """
        del self._inputs, self._outputs
        lib.eas_ring_unmap(self._ring)
        os.close(self.memory_fd)
        os.close(self.completion_fd)

    def _buffers(self) -> tuple[Any, Any, int]:
        """
        Make one buffer over the bodies of all slots and one over their outputs, so that copying one is a plain slice;
        and tell their distance.
        """
        body, output = lib.eas_slot_input(self._ring, 0), lib.eas_slot_output(self._ring, 0)
        stride = lib.eas_slot_output(self._ring, 1) - output
        others = (self.shape.slots - 1) * stride
        return (
            ffi.buffer(body, others + self.shape.max_body),
            ffi.buffer(output, others + self.shape.max_output),
            stride,
        )


def _users_frames(frames: list[str]) -> list[str]:
    """
    Cut our own frames: those of the crash handler at the inner end, those of our threads at the outer end.
    """
    ours = [any(path in frame for path in _OURS) for frame in frames]
    inner = ours.index(False) if False in ours else len(ours)
    outer = ours.index(True, inner) if True in ours[inner:] else len(ours)
    return frames[inner:outer]


def _describe(frame: str) -> str:
    """
    Add the function's name to *frame*, a `path+0xoffset`.
    """
    described = ffi.new("char[]", ERROR_SIZE)
    return text(described) if lib.eas_describe_frame(frame.encode(), described, ERROR_SIZE) else frame or "?"
