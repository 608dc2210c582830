"""
A worker's side of the ring: take a request and complete it; and a processor in C++, whose threads do both without
Python.
"""

from __future__ import annotations

import math
import os
import time
from typing import Any, Final

from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.ring.bindings import ERROR_SIZE, ffi, lib, text

SIGNALS_ALL: Final = 1
SIGNALS_ABORT: Final = 2
_TAKEN: Final = 1
_TIMED_OUT: Final = 2
_INTERRUPTED: Final = 3
"""What eas_worker_take_for returns; 0 means that the worker is to stop."""
_NO_LIMIT: Final = -1
_SECONDS_MAX: Final = 2**31 // 1000
"""The longest time-out whose milliseconds fit into an int."""
_STATE_UNSET: Final = -0x5EED5EED
"""The value of *state* before `initialize`; no processor is likely to set this one."""


def die_with_parent(parent: int) -> None:
    """
    Have the kernel kill this process when its parent, process *parent*, ends for any reason.
    """
    lib.eas_die_with_parent(parent)


def line_buffer_stdout() -> None:
    """
    Make C's standard output line-buffered: a pipe must not hide what a processor prints.
    """
    lib.eas_stdout_line_buffered()


def open_log(fd: int) -> None:
    """
    Write the log records of this process, from every language, to *fd*.
    """
    lib.eas_log_open(fd)


def log(level: str, message: str) -> None:
    """
    Write a record to the host's log; *level* is D, I, W or E.
    """
    data = message.encode("utf-8", "replace")
    lib.eas_log(level.encode(), data, len(data))


class RingCall:
    """
    One request that a thread has taken: its *slot* and the *size* of its input in bytes.

    A thread that completes each request before it takes the next one reuses one object. A thread that holds several
    requests has an object for each, and any thread may complete each of them, once.
    """

    __slots__ = ("native", "size", "slot", "thread")

    def __init__(self, thread: int) -> None:
        self.native = ffi.new("eas_call *")
        self.thread = thread
        self.slot = 0
        self.size = 0

    def input(self) -> bytes:
        """
        Copy the input.
        """
        data: bytes = ffi.buffer(self.native.input, self.size)[:]
        return data


class WorkerRing:
    """
    The ring as worker number *worker* sees it.
    """

    def __init__(self, memory_fd: int, completion_fd: int, worker: int) -> None:
        error = ffi.new("char[]", ERROR_SIZE)
        self._ring = lib.eas_ring_map(memory_fd, completion_fd, error, ERROR_SIZE)
        if self._ring == ffi.NULL:
            raise OSError(f"cannot map the ring: {text(error)}")
        self.worker = worker
        size = ffi.new("eas_ring_size *")
        lib.eas_ring_get_size(self._ring, size)
        self._input_capacity: int = size.max_body
        self._output_capacity: int = size.max_output

    @property
    def pointer(self) -> Any:  # noqa: ANN401  a cffi pointer
        """
        The native ring, for native functions.
        """
        return self._ring

    def install_crash_handler(self, *, only_abort: bool) -> None:
        """
        Install the crash handler. With *only_abort* it handles SIGABRT only, because a JVM needs the other signals.
        """
        lib.eas_crash_install(self._ring, self.worker, SIGNALS_ABORT if only_abort else SIGNALS_ALL)

    def enter(self, thread: int) -> RingCall:
        """
        Prepare the calling thread, number *thread*, to take calls.
        """
        lib.eas_worker_enter(self._ring, self.worker, thread)
        return RingCall(thread)

    def leave(self) -> None:
        """
        Say that the calling thread takes no more requests. The requests that it holds may still be completed.
        """
        lib.eas_worker_leave(self._ring, self.worker)

    def take(self, call: RingCall, timeout: float | None = None) -> bool | None:
        """
        Wait for a request and put it into *call*. False: the worker is to stop. None: *timeout* seconds have passed; 0
        does not wait.

        Signal handlers run meanwhile. If one raises, the wait ends and no request is taken.
        """
        while True:
            if timeout is None:
                taken = lib.eas_worker_take_for(self._ring, self.worker, call.thread, call.native, _NO_LIMIT)
            else:
                taken = self._take_within(call, timeout)
            if taken == _TAKEN:
                call.slot = call.native.slot
                call.size = call.native.input_size
                return True
            if taken != _INTERRUPTED:
                return None if taken == _TIMED_OUT else False

    def _take_within(self, call: RingCall, timeout: float) -> int:
        end = time.monotonic() + timeout
        taken = _INTERRUPTED
        while taken == _INTERRUPTED:
            seconds = max(0.0, min(end - time.monotonic(), _SECONDS_MAX))
            limit = math.ceil(1000 * seconds)
            taken = lib.eas_worker_take_for(self._ring, self.worker, call.thread, call.native, limit)
        return taken

    def reply(self, call: RingCall, outcome: int, status: int, data: bytes) -> None:
        """
        Complete *call* with *data*, or with an error if *data* is larger than the limit on outputs.

        Does nothing if *call* is complete already.
        """
        lib.eas_worker_reply(
            self._ring, self.worker, call.thread, call.native, outcome, status, ffi.from_buffer(data), len(data)
        )

    def complete(self, call: RingCall, outcome: int, status: int, size: int) -> None:
        """
        Complete *call*, whose output of *size* bytes is already in its slot.
        """
        lib.eas_worker_complete(self._ring, self.worker, call.thread, call.native, outcome, status, size)

    def input(self, slot: int) -> memoryview:
        """
        The input span of *slot*.
        """
        return memoryview(ffi.buffer(lib.eas_slot_input(self._ring, slot), self._input_capacity))

    def output(self, slot: int) -> memoryview:
        """
        The output span of *slot*.
        """
        return memoryview(ffi.buffer(lib.eas_slot_output(self._ring, slot), self._output_capacity))

    def log(self, level: str, message: str) -> None:
        """
        Write a record to the host's log; *level* is D, I, W or E.
        """
        log(level, message)

    def stop(self) -> None:
        """
        Have every `take` of this process return False, from now on.
        """
        lib.eas_worker_stop(self._ring)


class CppLibrary:
    """
    A processor's shared library, loaded.
    """

    def __init__(self, path: str) -> None:
        """
        Open *path* with dlopen and find `initialize` and `process`.

        Raises:
            EntryInvalid: that failed; the message is the dynamic linker's own.
        """
        error = ffi.new("char[]", ERROR_SIZE)
        self._processor = lib.eas_cpp_open(os.fsencode(path), error, ERROR_SIZE)
        if self._processor == ffi.NULL:
            raise EntryInvalid(text(error))

    def initialize(self, model_entry: str, model_config: str) -> None:
        """
        Call the processor's `initialize`.

        Raises:
            InitializeFailed: `initialize` set a state other than 0, or threw.
        """
        state = ffi.new("int *", _STATE_UNSET)
        error = ffi.new("char[]", ERROR_SIZE)
        threw = lib.eas_cpp_initialize(
            self._processor, os.fsencode(model_entry), os.fsencode(model_config), state, error, ERROR_SIZE
        )
        if threw:
            raise threw_error(text(error))
        if state[0] != 0:
            raise state_error(state[0], model_entry)

    def start(self, ring: WorkerRing, threads: int) -> None:
        """
        Start *threads* native threads, which take requests from *ring*, call `process` and complete them.
        """
        lib.eas_cpp_start(self._processor, ring.pointer, ring.worker, threads)

    def join(self) -> None:
        """
        Wait until the threads have ended, after a call of `WorkerRing.stop`.
        """
        lib.eas_cpp_join(self._processor)


def threw_error(what: str) -> InitializeFailed:
    """
    Make the error for an `initialize` that threw *what*.
    """
    return InitializeFailed(f"initialize threw {what}")


def state_error(state: int, model_entry: str) -> InitializeFailed:
    """
    Make the error for an `initialize` that set a *state* other than 0. The number has no text, and most are about the
    model, so the error names that.
    """
    if state == _STATE_UNSET:
        return InitializeFailed("initialize did not set *state; set it to 0 when the model is loaded")
    model = f"; the model_entry is {model_entry}" if model_entry else ""
    return InitializeFailed(f"initialize failed with state {state}{model}")
