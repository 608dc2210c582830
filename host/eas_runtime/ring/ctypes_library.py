"""
The native library in a form that any Python can load: a plain shared library, through ctypes.

It needs nothing but C's own libraries: C++'s are linked into it, and none of their symbols is visible, so that it lives
beside those that conda, TensorFlow or PyTorch bring. The declarations below repeat those of native/src/api.h and
native/src/batching.h; a test compares them.
"""

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Callable

from eas_runtime.linking import places
from eas_runtime.ring.native import ERROR_SIZE

LIBRARY = places.package("eas_host") + "/libeas-runtime.so"
"""Where the host's other native files are: the library finds the program eas-guardian beside itself."""


class NativeCall(ctypes.Structure):
    """
    eas_call: one request that a thread has taken.
    """

    _fields_ = (
        ("slot", c_uint32),
        ("sequence", c_uint32),
        ("input_size", c_uint64),
        ("input", c_void_p),
        ("output", c_void_p),
        ("output_capacity", c_uint64),
    )


_RING = c_void_p


class NativeThread(ctypes.Structure):
    """
    eas_thread: a thread that answers one request before it takes the next.
    """

    _fields_ = (
        ("ring", _RING),
        ("worker", c_uint32),
        ("thread", c_uint32),
        ("status", c_int),
        ("call", NativeCall),
    )


class NativeBatch(ctypes.Structure):
    """
    eas_batch: a thread that takes batches.
    """

    _fields_ = (
        ("batches", c_void_p),
        ("thread", c_uint32),
        ("count", c_uint32),
        ("alone", c_uint32),
        ("level", c_uint32),
        ("begun", c_uint64),
        ("calls", POINTER(NativeCall)),
    )


_SPAN = c_char * (2**31 - 1)
"""The most bytes that an input has; a copy of a part of them costs a third of what `ctypes.string_at` does."""

FUNCTIONS = {
    "eas_ring_map": (_RING, (c_int, c_int, c_char_p, c_size_t)),
    "eas_worker_enter": (None, (_RING, c_uint32, c_uint32)),
    "eas_worker_leave": (None, (_RING, c_uint32)),
    "eas_worker_take_for": (c_int, (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_int)),
    "eas_worker_reply": (None, (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_int, c_int, c_char_p, c_size_t)),
    "eas_worker_answer_and_take": (c_int, (POINTER(NativeThread), c_char_p, c_size_t)),
    "eas_worker_raised": (
        None,
        (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_char_p, c_size_t, c_char_p, c_size_t),
    ),
    "eas_worker_send_part": (
        c_int,
        (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_int, c_char_p, c_size_t, POINTER(c_size_t)),
    ),
    "eas_worker_end_parts": (None, (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_int)),
    "eas_worker_detach": (None, (_RING, c_uint32, c_uint32, POINTER(NativeCall))),
    "eas_worker_park": (None, (_RING, c_uint32, c_uint32, POINTER(NativeCall))),
    "eas_worker_set_max_in_flight": (None, (_RING, c_uint32, c_uint32)),
    "eas_worker_is_abandoned": (c_int, (_RING, POINTER(NativeCall))),
    "eas_worker_events": (c_uint32, (_RING, c_uint32)),
    "eas_worker_wait_for_event": (None, (_RING, c_uint32, c_uint32, c_int)),
    "eas_worker_stop": (None, (_RING,)),
    "eas_worker_max_batch": (c_uint32, (_RING,)),
    "eas_worker_open_batches": (c_void_p, (_RING, c_uint32, c_uint32)),
    "eas_worker_take_batch": (c_int, (POINTER(NativeBatch),)),
    "eas_worker_end_batch": (None, (POINTER(NativeBatch), c_int)),
    "eas_worker_report_batch": (None, (POINTER(NativeBatch),)),
    "eas_worker_take_more": (c_uint32, (_RING, c_uint32, c_uint32, POINTER(NativeCall), c_uint32)),
    "eas_worker_begin_reports": (None, ()),
    "eas_worker_end_reports": (None, (_RING,)),
    "eas_crash_install": (None, (_RING, c_uint32, c_int)),
    "eas_crash_report": (None, (c_int,)),
    "eas_crash_exit": (None, (c_int,)),
    "eas_die_with_parent": (None, (c_int,)),
    "eas_on_main_thread": (c_int, ()),
    "eas_signal_take": (None, (c_int, c_int)),
    "eas_signal_forget": (None, ()),
    "eas_signal_block": (None, ()),
    "eas_signal_unblock": (None, ()),
    "eas_signal_restore": (None, ()),
    "eas_signal_keep_restored": (None, ()),
    "eas_log_open": (None, (c_int,)),
    "eas_log": (None, (c_char, c_char_p, c_size_t)),
    "eas_stdout_line_buffered": (None, ()),
}
"""The functions that a worker needs: the type of the result, and those of the arguments."""


class CtypesLibrary:
    """
    Loads the library.

    Raises:
        ImportError: it cannot be loaded by this Python, or is not there.
    """

    def __init__(self) -> None:
        try:
            self.functions: Any = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise ImportError(f"the native library of the host cannot be loaded: {error}") from error
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(self.functions, name)
            function.restype = result
            function.argtypes = arguments
        self._spans: dict[int, Any] = {}  # one for each slot, by its address

    def map_ring(self, memory_fd: int, completion_fd: int) -> int:
        """
        Map a ring.

        Raises:
            OSError: it cannot be mapped.
        """
        error = ctypes.create_string_buffer(ERROR_SIZE)
        ring = self.functions.eas_ring_map(memory_fd, completion_fd, error, ERROR_SIZE)
        if not ring:
            raise OSError(f"cannot map the ring: {error.value.decode('utf-8', 'replace')}")
        return int(ring)

    def new_call(self) -> NativeCall:
        """
        Make an `eas_call`.
        """
        return NativeCall()

    def new_thread(self, ring: int, worker: int, thread: int) -> "tuple[NativeThread, NativeCall]":
        """
        Make an `eas_thread`, and return it with its `eas_call`.
        """
        made = NativeThread(ring=ring, worker=worker, thread=thread)
        return made, made.call

    def new_size(self) -> "ctypes.Array[c_size_t]":
        """
        Make room for a size.
        """
        return (c_size_t * 1)()

    def copy_call(self, call: NativeCall) -> NativeCall:
        """
        Copy an `eas_call`.
        """
        return NativeCall.from_buffer_copy(call)

    def new_batch(self, batches: int, thread: int, size: int) -> "tuple[NativeBatch, Callable[[int], NativeCall]]":
        """
        Make an `eas_batch`, and return it with what returns an `eas_call` of its array.
        """
        calls = (NativeCall * size)()
        return NativeBatch(batches=batches, thread=thread, calls=calls), calls.__getitem__

    def new_calls(self, count: int) -> "Callable[[int], NativeCall]":
        """
        Make an array of *count* `eas_call`, and return what returns each of them.
        """
        return (NativeCall * count)().__getitem__

    def read(self, pointer: int, size: int) -> bytes:
        """
        Copy *size* bytes at *pointer*.
        """
        span: Any = self._spans.get(pointer)
        if span is None:
            span = self._spans[pointer] = _SPAN.from_address(pointer)
        data: bytes = span[:size]
        return data
