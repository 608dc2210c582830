"""
The front's side of the ring: it creates the memory, submits requests, collects completions and recovers from the deaths
of workers.

Only one thread may use it. The calls of each request (`submit`, `release`, `wake`) are bound directly to the native
functions: a method around one of them would cost as much as the call itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from eas_host.ring.bindings import RUNNING, ffi, lib, library, text
from eas_host.ring.statistics import Stats, Timing, read_stats, read_timing
from eas_runtime.ring.native import ERROR_SIZE

SANITIZER: Final = "a sanitizer"
"""`Crash.call` of a process that a sanitizer has ended, after a report."""
_EXITS: Final = {
    lib.EAS_CRASH_EXIT: "exit",
    lib.EAS_CRASH_EXIT_AT_ONCE: "_exit",
    lib.EAS_CRASH_STANDARD_EXIT_AT_ONCE: "_Exit",
    lib.EAS_CRASH_QUICK_EXIT: "quick_exit",
    lib.EAS_CRASH_SANITIZER: SANITIZER,
}
"""What has ended the process, by the kind of a crash: the function that the processor called, as a rule."""
_BATCHING: Final = {
    "off": lib.EAS_BATCHING_OFF,
    "fixed": lib.EAS_BATCHING_FIXED,
    "adaptive": lib.EAS_BATCHING_ADAPTIVE,
}
_COLLECT_MAX: Final = 256
"""Most completions that one native call takes; the others wait for the next call."""
_COPIES_SIZE: Final = 64 * 1024
"""Bytes for the outputs that one native call copies: few enough to stay near the core, in its caches."""
_PARTS_SIZE: Final = 64 * 1024
"""Bytes that a slot holds of an answer in parts, at most (native/src/part_buffer.h)."""
_BLOCK: Final = 512
"""The unit of st_blocks in bytes, on every file system (POSIX)."""
_COMPLETION_NUMBERS: Final = 4
"""Each completion is 4 numbers: slot, outcome, status, size."""


class RingSize(NamedTuple):
    """
    The number of slots, of workers and of threads of each worker; the largest body and output of a slot in bytes.
    """

    slots: int
    workers: int
    threads: int
    max_body: int
    max_output: int


class Crash(NamedTuple):
    """
    What a worker's crash handler recorded.

    *signal* is 0 if the processor called `exit()`, or its like that *call* names, and SIGKILL if it sent that to its
    own process. *slot* is -1 if the thread ran no request. *places* are the frames of its stack, innermost first, with
    the host's own and those of the C library: `path+0xoffset` as far as that is known. *output* is the pointer that the
    processor returned if the host was reading or freeing that, else 0; *by_done*: that `done` was given. *fault* is one
    of `bindings.FAULT_...` or 0, and *input_size* how large the body of the request was. *exception* is the type of the
    exception that the thread was handling when it called `abort()`, and *message* what that, or the C library, has
    said. `symbols.crash` adds what is for people: *frames*, those of the processor, with functions, files and lines,
    and *explanation*, which says in a few words what happened. `workers.jvm_report` adds what a JVM has left behind:
    its frames in Java, and *jvm_report*, if it has crashed; `symbols.sanitizer_report` what a sanitizer has reported:
    in one line, *headline*, in lines below the frames, *context*, and in full.
    """

    signal: int
    code: int
    slot: int
    thread: int
    address: int
    places: tuple[str, ...]
    output: int = 0
    by_done: bool = False
    fault: int = 0
    input_size: int = 0
    exception: str = ""
    message: str = ""
    frames: tuple[str, ...] = ()
    explanation: str = ""
    call: str = "exit"
    jvm_report: str = ""
    headline: str = ""
    context: tuple[str, ...] = ()
    sanitizer_report: str = ""


class FrontRing:
    """
    The ring as the front sees it.

    Attributes:
        size: as given.
        copies: the outputs that `collect` has copied; a slice of it is bytes.
        memory_fd: the shared memory, which the workers inherit.
        completion_fd: an eventfd, which becomes readable after `request_notification`.
        submit: `submit(body, size) -> slot`, or -1 if no slot is free. Wakes no thread: see `wake`.
        reserve: `reserve() -> slot` or -1, for a body that arrives in pieces; `write` and `publish` follow.
        write: `write(slot, offset, data, size) -> 0`, or -1 if the data does not fit.
        publish: `publish(slot, size)`: queue a slot that was reserved and written.
        release: `release(slot)`: make the slot free after its output was copied.
        trim: `trim()`: give the memory of free slots back, which they keep for their next requests.
        cancel: `cancel(slot) -> 1` if the request still waited and its slot is free now, 0 if a worker has it.
        abandon: `abandon(slot)`: tell the worker that runs the request in *slot* that nobody waits for its answer.
        start_earlier: `start_earlier(slot, age)`: the request began *age* nanoseconds before it was published.
        exclude_from_stats: `exclude_from_stats(slot)`: do not count this request, for which no client waits any more.
        in_flight: `in_flight() -> int`: the number of requests that were submitted and whose slots are not free again.
        set_capacity: `set_capacity(requests)`: how many of these there may be, for the data plane (`ring.plane`).
        set_max_waiting: `set_max_waiting(requests, at_least)`: how many of them may wait once *at_least* are in the
            ring, for the data plane; 0 requests: any number.
        has_room: `has_room(capacity) -> 1` if one more may be submitted where *capacity* may be in the ring.
        collected: `collected() -> int`: how many completions `collect` has found so far.
        waiting: `waiting() -> int`: the number of requests that no worker has taken yet.
        busy_poll: `busy_poll(nanoseconds)`: how long workers look for requests, and `request_notification` looks for
            completions, before they sleep, where that pays. No worker has taken a request yet.
        time_requests: `time_requests()`: time each request from now on, for `timing`. No worker has taken one yet.
        wake: `wake(threads)`: wake up to that many worker threads.
        wake_one_if_idle: `wake_one_if_idle()`: wake one worker thread, unless one is awake that will look at the queue
            soon.
        request_notification: `request_notification() -> 1`: make `completion_fd` readable at the next completion or,
            while many requests wait, when a quarter of them is complete, 8 at most. 0 if so many are complete already:
            collect again.
        notify_immediately: `notify_immediately(1)`: have workers report each completion at once;
            `notify_immediately(0)`: they may gather some again. Collect and `request_notification` after it.
    """

    def __init__(self, size: RingSize) -> None:
        self.size = size
        error = ffi.new("char[]", ERROR_SIZE)
        self.memory_fd: int = lib.eas_ring_create(ffi.new("eas_ring_size *", tuple(size)), error, ERROR_SIZE)
        if self.memory_fd < 0:
            raise OSError(f"cannot create the ring: {text(error)}")
        try:
            self.completion_fd: int = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError:
            os.close(self.memory_fd)
            raise
        try:
            self._ring = ring = library.map_ring(self.memory_fd, self.completion_fd)
        except OSError:
            os.close(self.memory_fd)
            os.close(self.completion_fd)
            raise
        self._completions = ffi.new("int64_t[]", _COMPLETION_NUMBERS * _COLLECT_MAX)
        self._copies = ffi.new("char[]", _COPIES_SIZE)
        self.copies: bytes = ffi.buffer(self._copies)
        self._parts = ffi.new("char[]", _PARTS_SIZE)
        self._inputs, outputs, self._stride = self._buffers()
        self._outputs = memoryview(outputs)
        self.submit: Callable[[bytes, int], int] = partial(lib.eas_front_submit, ring)
        self.reserve: Callable[[], int] = partial(lib.eas_front_reserve, ring)
        self.write: Callable[[int, int, bytes, int], int] = partial(lib.eas_front_write, ring)
        self.publish: Callable[[int, int], None] = partial(lib.eas_front_publish, ring)
        self.release: Callable[[int], None] = partial(lib.eas_front_release, ring)
        self.trim: Callable[[], None] = partial(lib.eas_front_trim, ring)
        self.cancel: Callable[[int], int] = partial(lib.eas_front_cancel, ring)
        self.abandon: Callable[[int], None] = partial(lib.eas_front_abandon, ring)
        self.start_earlier: Callable[[int, int], None] = partial(lib.eas_front_start_earlier, ring)
        self.exclude_from_stats: Callable[[int], None] = partial(lib.eas_front_exclude_from_stats, ring)
        self.in_flight: Callable[[], int] = partial(lib.eas_front_in_flight, ring)
        self.set_capacity: Callable[[int], None] = partial(lib.eas_front_set_capacity, ring)
        self.set_max_waiting: Callable[[int, int], None] = partial(lib.eas_front_set_max_waiting, ring)
        self.has_room: Callable[[int], int] = partial(lib.eas_front_has_room, ring)
        self.collected: Callable[[], int] = partial(lib.eas_front_collected, ring)
        self.waiting: Callable[[], int] = partial(lib.eas_front_waiting, ring)
        self.busy_poll: Callable[[int], None] = partial(lib.eas_front_busy_poll, ring)
        self.time_requests: Callable[[], None] = partial(lib.eas_front_time_requests, ring)
        self.wake: Callable[[int], None] = partial(lib.eas_front_wake, ring)
        self.wake_one_if_idle: Callable[[], None] = partial(lib.eas_front_wake_one_if_idle, ring)
        self.request_notification: Callable[[], int] = partial(lib.eas_front_request_notification, ring)
        self.notify_immediately: Callable[[int], None] = partial(lib.eas_front_notify_immediately, ring)

    @property
    def handle(self) -> Any:  # noqa: ANN401  a cffi pointer
        """
        The ring itself, for other functions of the native module.
        """
        return self._ring

    def collect(self) -> Iterator[tuple[int, int, int, int]] | None:
        """
        Take all completions: slot, outcome, status and size of each, all checked; None if there is none.

        Small outputs are copied one after the other to the start of `copies`, and their slots are free again; their
        outcome has `COPIED` added. For the others the caller needs `output` and `release`.
        """
        count = lib.eas_front_collect(self._ring, self._completions, _COLLECT_MAX, self._copies, _COPIES_SIZE)
        if not count:
            return None
        numbers = iter(ffi.unpack(self._completions, _COMPLETION_NUMBERS * count))
        return zip(numbers, numbers, numbers, numbers, strict=False)

    def view_output(self, slot: int, size: int) -> memoryview:
        """
        Show the first *size* bytes of the output in *slot*, which is to be used only until that is released.
        """
        start = slot * self._stride
        return self._outputs[start : start + size]

    def read_parts(self, slot: int) -> bytes:
        """
        Take what there is of the answer in parts in *slot*; empty if there is nothing new. The worker may write as much
        again.
        """
        size = lib.eas_front_read_parts(self._ring, slot, self._parts, _PARTS_SIZE)
        data: bytes = ffi.buffer(self._parts, size)[:]
        return data

    def set_max_streams(self, requests: int) -> None:
        """
        Do not count up to *requests* requests whose answers have begun in `has_room`.
        """
        lib.eas_front_set_max_streams(self._ring, requests)

    def input(self, slot: int, size: int) -> bytes:
        """
        Copy the first *size* bytes of the body in *slot*, which must be reserved.
        """
        start = slot * self._stride
        copied: bytes = self._inputs[start : start + size]
        return copied

    @property
    def resident_bytes(self) -> int:
        """
        Bytes of memory that the ring occupies now, written by either side.
        """
        return os.fstat(self.memory_fd).st_blocks * _BLOCK

    def phase(self, slot: int) -> tuple[int, int]:
        """
        Return the phase of *slot* and the worker that has it.

        If a worker completed the slot and died before it could report that, the next `collect` has the slot.
        """
        worker = ffi.new("uint32_t *")
        return lib.eas_front_phase(self._ring, slot, worker, ffi.NULL), worker[0]

    def thread(self, slot: int) -> int:
        """
        Return the number of the worker's thread that runs *slot*; -1 if none does.
        """
        thread = ffi.new("uint32_t *")
        return thread[0] if lib.eas_front_phase(self._ring, slot, ffi.NULL, thread) == RUNNING else -1

    def set_batching(self, mode: str, size: int, size_of_bodies: int, seconds: float) -> None:
        """
        Have workers take up to *size* requests at once, whose bodies have *size_of_bodies* bytes together, in the
        *mode* of --batching; the oldest one waits for up to *seconds*. No worker has taken a request yet.
        """
        lib.eas_front_set_batching(self._ring, _BATCHING[mode], size, size_of_bodies, int(seconds * 1e9))

    def batch_size(self, worker: int) -> int:
        """
        Return how many requests a thread of *worker* takes at once.
        """
        size: int = lib.eas_front_batch_size(self._ring, worker)
        return size

    def max_in_flight(self, worker: int) -> int:
        """
        Return how many requests *worker* may have under way, where that is more than its threads run; 0: it is not.
        """
        requests: int = lib.eas_front_max_in_flight(self._ring, worker)
        return requests

    def streams_apart(self, worker: int) -> bool:
        """
        Tell whether requests of *worker* that no thread has do not count among those once their answers have begun.
        """
        return bool(lib.eas_front_streams_apart(self._ring, worker))

    def stats(self) -> Stats:
        """
        Read the counts since the ring was created.
        """
        return read_stats(self._ring)

    def completed(self, worker: int) -> int:
        """
        Return how many collected completions are from *worker*, from all of its processes since the ring was created.
        """
        count: int = lib.eas_front_completed(self._ring, worker)
        return count

    def timing(self, slot: int) -> Timing:
        """
        Read where the time of the request in *slot* went, which was collected last.
        """
        return read_timing(self._ring, slot)

    def rebuild_queue(self) -> None:
        """
        Fill the queue again from the states of the slots: a processor that writes into foreign memory may have
        overwritten the entry of a request that waits.
        """
        lib.eas_front_rebuild_queue(self._ring)

    def resubmit(self, slot: int) -> None:
        """
        Queue *slot*, whose worker died, once more.
        """
        lib.eas_front_resubmit(self._ring, slot)

    def requeue_solo(self, slot: int, worker: int) -> None:
        """
        Give *slot*, whose worker died, to *worker*, which is in solo mode.
        """
        lib.eas_front_requeue_solo(self._ring, slot, worker)
        self.wake(self.size.threads * self.size.workers)

    def reset_worker(self, worker: int, *, solo: bool) -> None:
        """
        Prepare the record of *worker* for a new process. With *solo* the process takes nothing from the queue at first.
        """
        lib.eas_front_reset_worker(self._ring, worker, int(solo))

    def leave_solo(self, worker: int) -> None:
        """
        Let *worker* take from the queue.
        """
        lib.eas_front_leave_solo(self._ring, worker)
        self.wake(self.size.threads)

    def crash(self, worker: int) -> Crash | None:
        """
        Read what the crash handler of *worker* recorded; None if it recorded nothing.
        """
        record = ffi.new("eas_crash *")
        if not lib.eas_front_crash(self._ring, worker, record):
            return None
        places = tuple(text(record.frame[i]) for i in range(record.frame_count))
        return Crash(
            signal=record.signal,
            code=record.code,
            slot=record.slot,
            thread=record.thread,
            address=record.address,
            places=places,
            output=record.output,
            by_done=bool(record.by_done),
            fault=record.fault,
            input_size=record.input_size,
            exception=text(record.exception),
            message=text(record.message),
            call=_EXITS.get(record.kind, ""),
        )

    def close(self) -> None:
        """
        Unmap the memory and close the descriptors. What a late message of a worker may still ask has an answer.
        """
        del self._inputs, self._outputs
        self.in_flight = self.collected = int
        self.has_room = bool  # as of an empty ring: whether there is any capacity
        self.set_capacity = lambda _: None
        self.set_max_waiting = lambda _, __: None
        lib.eas_ring_unmap(self._ring)
        os.close(self.memory_fd)
        os.close(self.completion_fd)

    def _buffers(self) -> tuple[Any, Any, int]:
        """
        Make one buffer over the bodies of all slots and one over their outputs, so that a slice copies one of them.
        Returns both, and the distance from one slot to the next.
        """
        body, output = lib.eas_slot_input(self._ring, 0), lib.eas_slot_output(self._ring, 0)
        stride = lib.eas_slot_output(self._ring, 1) - output
        others = (self.size.slots - 1) * stride
        return (
            ffi.buffer(body, others + self.size.max_body),
            ffi.buffer(output, others + self.size.max_output),
            stride,
        )
