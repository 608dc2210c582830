"""
What a worker does natively: take requests from the ring and complete them, write records to the host's log, die with
the host.
"""

import math
import time
from typing import Any, Callable

from eas_runtime.ring.current import library

RETURNED = 0
"""Outcome: the processor returned; the status is its return code."""
RAISED = 1
"""Outcome: the processor raised; the message is the output, and the status the size of the frames at its end."""
BAD_OUTPUT = 2
"""Outcome: what the processor returned cannot be an output; an explanation is the output."""
TOO_LARGE = 3
"""Outcome: the output is larger than the limit; an explanation is the output."""

PART_SENT = 0
PART_FULL = 1
PART_CLOSED = 2
"""What `WorkerRing.send_part` has done; with PART_CLOSED nobody waits for the answer any more."""

PART_SIZE = 64 * 1024
"""Bytes that a slot holds of an answer in parts, at most (native/src/part_buffer.h)."""

DETACHED = 4095
"""The thread of a call that no thread has (native/src/parts.h)."""

_SIGNALS_ALL = 1
_SIGNALS_JVM = 2
_SIGNALS_PYTHON = 3
_SIGNALS_KEEP = 8
TAKEN = 1
_TIMED_OUT = 2
_INTERRUPTED = 3
RESUMED = 4
"""What eas_worker_take_for returns; 0 means that the worker is to stop."""
_NO_LIMIT = -1
_SECONDS_MAX = 2**31 // 1000
"""The longest time-out whose milliseconds fit into an int."""


def die_with_parent(parent: int) -> None:
    """
    Have the kernel kill this process when its parent, process *parent*, ends for any reason.
    """
    library().functions.eas_die_with_parent(parent)


def line_buffer_stdout() -> None:
    """
    Make C's standard output line-buffered: a pipe must not hide what a processor prints.
    """
    library().functions.eas_stdout_line_buffered()


def open_log(fd: int) -> None:
    """
    Write the log records of this process, from every language, to *fd*.
    """
    library().functions.eas_log_open(fd)


def log(level: str, message: str) -> None:
    """
    Write a record to the host's log; *level* is D, I, W or E.
    """
    data = message.encode("utf-8", "replace")
    library().functions.eas_log(level.encode(), data, len(data))


class RingCall:
    """
    One request that a thread has taken.

    A thread that completes each request before it takes the next one reuses one object, a `RingThread`. A thread that
    holds several requests has an object for each, and any thread may complete each of them, once.
    """

    __slots__ = ("_read", "native", "thread")

    def __init__(self, thread: int, native_call: Any = None) -> None:  # noqa: ANN401  a struct
        native = library()
        self._read = native.read
        self.native = native.new_call() if native_call is None else native_call
        self.thread = thread

    @property
    def key(self) -> "tuple[int, int]":
        """
        What tells this request from all others that are under way, and from earlier ones.
        """
        return self.native.slot, self.native.sequence

    def input(self) -> bytes:
        """
        Copy the input.
        """
        native = self.native
        return self._read(native.input, native.input_size)


class RingThread(RingCall):
    """
    A thread that completes each request before it takes the next one, and the request that it has.
    """

    __slots__ = ("_answer_and_take", "_native_thread", "_ring")

    def __init__(self, ring: "WorkerRing", thread: int) -> None:
        native = library()
        self._ring = ring
        self._native_thread, call = native.new_thread(ring.pointer, ring.worker, thread)
        self._answer_and_take = native.functions.eas_worker_answer_and_take
        super().__init__(thread, call)

    def answer_and_take(self, status: int, data: bytes) -> bool:
        """
        Complete the request with *data*, as `WorkerRing.reply` does, then wait for the next one. False: the worker is
        to stop.
        """
        thread = self._native_thread
        thread.status = status
        taken = self._answer_and_take(thread, data, len(data))
        if taken != TAKEN:
            if taken != RESUMED:
                return False
            self._ring.resume(self)
            return bool(self._ring.take(self))
        return True


class WorkerRing:
    """
    The ring as worker number *worker* sees it.
    """

    def __init__(self, memory_fd: int, completion_fd: int, worker: int) -> None:
        native = library()
        self._native = native
        self._functions = native.functions
        self._ring = native.map_ring(memory_fd, completion_fd)
        self.worker = worker
        self._on_resumed: Callable[[RingCall], None] = lambda _: None

    @property
    def pointer(self) -> Any:  # noqa: ANN401  a pointer
        """
        The native ring, for native functions.
        """
        return self._ring

    def install_crash_handler(self, *, jvm: bool = False, before_python: bool = False, keep: bool = False) -> None:
        """
        Install the crash handler. If a *jvm* will start, it handles only the signals that the JVM does not need. With
        *before_python* it calls, last, the handlers that Python has installed for these signals. With *keep* a stopped
        copy of this process stays, for a debugger.
        """
        signals = _SIGNALS_JVM if jvm else _SIGNALS_PYTHON if before_python else _SIGNALS_ALL
        self._functions.eas_crash_install(self._ring, self.worker, signals | (_SIGNALS_KEEP if keep else 0))

    def record_exit(self, status: int) -> None:
        """
        Record that this thread now ends the process with *status*, at once.
        """
        self._functions.eas_crash_exit(status)

    def set_crash_report(self, fd: int) -> None:
        """
        Set the descriptor that gets what a JVM prints when it crashes.
        """
        self._functions.eas_crash_report(fd)

    def enter(self, thread: int) -> RingThread:
        """
        Prepare the calling thread, number *thread*, to take calls.
        """
        self._functions.eas_worker_enter(self._ring, self.worker, thread)
        return RingThread(self, thread)

    def leave(self) -> None:
        """
        Say that the calling thread takes no more requests. The requests that it holds may still be completed.
        """
        self._functions.eas_worker_leave(self._ring, self.worker)

    def take(self, call: RingCall, timeout: "float | None" = None) -> "bool | None":
        """
        Wait for a request and put it into *call*. False: the worker is to stop. None: *timeout* seconds have passed; 0
        does not wait.

        Signal handlers run meanwhile. If one raises, the wait ends and no request is taken.
        """
        while True:
            if timeout is None:
                taken = self._functions.eas_worker_take_for(
                    self._ring, self.worker, call.thread, call.native, _NO_LIMIT
                )
            else:
                taken = self._take_within(call, timeout)
            if taken == TAKEN:
                return True
            if taken == RESUMED:
                self.resume(call)
                continue
            if taken != _INTERRUPTED:
                return None if taken == _TIMED_OUT else False

    def _take_within(self, call: RingCall, timeout: float) -> int:
        end = time.monotonic() + timeout
        taken = _INTERRUPTED
        while taken == _INTERRUPTED:
            seconds = max(0.0, min(end - time.monotonic(), _SECONDS_MAX))
            limit = math.ceil(1000 * seconds)
            taken = self._functions.eas_worker_take_for(self._ring, self.worker, call.thread, call.native, limit)
        return taken

    def reply(self, call: RingCall, outcome: int, status: int, data: bytes) -> None:
        """
        Complete *call* with *data*, or with an error if *data* is larger than the limit on outputs.

        Does nothing if *call* is complete already.
        """
        self._functions.eas_worker_reply(
            self._ring, self.worker, call.thread, call.native, outcome, status, data, len(data)
        )

    def begin_reports(self) -> None:
        """
        Have the front hear of what the calling thread completes from here on all together, at `end_reports`.
        """
        self._functions.eas_worker_begin_reports()

    def end_reports(self) -> None:
        """
        Report what was completed since `begin_reports`.
        """
        self._functions.eas_worker_end_reports(self._ring)

    def reply_raised(self, call: RingCall, message: bytes, frames: bytes) -> None:
        """
        Complete *call* with the *message* of what the processor has raised, for the client. Its *frames*, which begin
        with a newline each, are for those clients who may see them.
        """
        self._functions.eas_worker_raised(
            self._ring, self.worker, call.thread, call.native, message, len(message), frames, len(frames)
        )

    def send_part(self, call: RingCall, status: int, data: bytes) -> "tuple[int, int]":
        """
        Send *data*, or the beginning of it, as a part of the answer to *call*; the first part sets the *status*.
        Returns one of PART_... and how many bytes were sent.
        """
        sent = self._native.new_size()
        result = self._functions.eas_worker_send_part(
            self._ring, self.worker, call.thread, call.native, status, data, len(data), sent
        )
        return result, sent[0]

    def end_parts(self, call: RingCall, status: int) -> None:
        """
        Complete *call*, which was answered in parts; the *status* counts if there was none.
        """
        self._functions.eas_worker_end_parts(self._ring, self.worker, call.thread, call.native, status)

    def detach(self, call: RingCall) -> RingCall:
        """
        Take *call* from its thread, which may take others. Returns what completes it, on any thread.
        """
        detached = RingCall(DETACHED, self._native.copy_call(call.native))
        self._functions.eas_worker_detach(self._ring, self.worker, call.thread, call.native)
        return detached

    def park(self, call: RingCall) -> None:
        """
        Take *call* from its thread until there is room for parts again, or nobody waits for them any more.
        """
        self._functions.eas_worker_park(self._ring, self.worker, call.thread, call.native)

    def on_resumed(self, go_on: "Callable[[RingCall], None]") -> None:
        """
        Have the thread that takes a parked call, which may go on, call *go_on* with it.
        """
        self._on_resumed = go_on

    def resume(self, call: RingCall) -> None:
        """
        Go on with *call*, which was parked and which this thread has now.
        """
        self._on_resumed(call)

    def set_max_in_flight(self, requests: int) -> None:
        """
        Tell the front that this worker may have so many *requests* under way, whatever its threads. It looks when the
        worker is ready.
        """
        self._functions.eas_worker_set_max_in_flight(self._ring, self.worker, requests)

    def is_abandoned(self, call: RingCall) -> bool:
        """
        Tell whether nobody waits for the answer to *call* any more.
        """
        return bool(self._functions.eas_worker_is_abandoned(self._ring, call.native))

    def events(self) -> int:
        """
        Return how many events there were: room for parts of a call, or nobody waits for the answer to one any more.
        """
        count: int = self._functions.eas_worker_events(self._ring, self.worker)
        return count

    def wait_for_event(self, seen: int, seconds: "float | None" = None) -> None:
        """
        Wait until there were other than *seen* events, or the worker is to stop. It may return earlier.
        """
        limit = _NO_LIMIT if seconds is None else math.ceil(1000 * min(seconds, _SECONDS_MAX))
        self._functions.eas_worker_wait_for_event(self._ring, self.worker, seen, limit)

    @property
    def max_batch(self) -> int:
        """
        How many requests the front wants in a batch at most; 0: no batches.
        """
        return int(self._functions.eas_worker_max_batch(self._ring))

    def log(self, level: str, message: str) -> None:
        """
        Write a record to the host's log; *level* is D, I, W or E.
        """
        log(level, message)

    def stop(self) -> None:
        """
        Have every `take` of this process return False, from now on.
        """
        self._functions.eas_worker_stop(self._ring)
