"""
The native module, and the constants of slots.

cffi's `lib` has no types; `FrontRing` and `WorkerRing` give its functions types where they wrap them. Where this module
is imported, workers' code uses cffi, too: a process must not have the native code twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from eas_runtime.ring.current import use
from eas_runtime.ring.native import ERROR_SIZE

try:
    from eas_host import _native
except ImportError as missing:
    raise ImportError(f"the native module is not built ({missing}); run `make setup`, or `pip install .`") from missing

lib: Final[Any] = _native.lib
ffi: Final[Any] = _native.ffi
MODULE: Final = os.fsencode(_native.__file__)
"""Where it is, for a library that calls its functions without Python."""

COPIED: Final = 256
"""Added to the outcome of a completion whose output `FrontRing.collect` has copied and whose slot is free again."""

PARTS: Final = 5
"""The outcome of a completion that is none: more of an answer in parts is there, and the request goes on."""
PARTS_ENDED: Final = 6
"""The outcome of a request that was answered in parts: what is still to be read is the last one."""

FREE: Final = 0
SUBMITTED: Final = 1
RUNNING: Final = 2
DONE: Final = 3
"""Phases of a slot, in the order in which a slot passes them."""
CORRUPT: Final = 4
"""The phase of a slot whose state a processor has overwritten."""

FAULT_STACK_OVERFLOW: Final = 1
FAULT_RETURN: Final = 2
FAULT_JUMP: Final = 3
FAULT_READ_ONLY: Final = 4
"""What is known of a SIGSEGV (EAS_FAULT_* in native/src/crash_record.h)."""

ANY_WORKER: Final = 4095
"""The worker of a slot that is SUBMITTED and that any worker may take."""

NO_THREAD: Final = 0xFFFFFFFF
"""The thread of a request that is RUNNING and that no thread has (EAS_NO_THREAD)."""


def text(buffer: Any) -> str:  # noqa: ANN401  a cffi char array
    """
    Decode a NUL-terminated text that the native module wrote.
    """
    raw: bytes = ffi.string(buffer)
    return raw.decode("utf-8", "replace")


def address(pointer: Any) -> int:  # noqa: ANN401  a cffi pointer
    """
    Return the address that *pointer* holds, for a library that is not called by cffi.
    """
    return int(ffi.cast("uintptr_t", pointer))


class CffiLibrary:
    """
    The native module in the form in which workers' code uses it.
    """

    functions: Any = lib

    def map_ring(self, memory_fd: int, completion_fd: int) -> Any:  # noqa: ANN401  a cffi pointer
        """
        Map a ring.

        Raises:
            OSError: it cannot be mapped.
        """
        error = ffi.new("char[]", ERROR_SIZE)
        ring = lib.eas_ring_map(memory_fd, completion_fd, error, ERROR_SIZE)
        if ring == ffi.NULL:
            raise OSError(f"cannot map the ring: {text(error)}")
        return ring

    def new_call(self) -> Any:  # noqa: ANN401  a cffi pointer
        """
        Make an `eas_call`.
        """
        return ffi.new("eas_call *")

    def new_thread(self, ring: Any, worker: int, thread: int) -> tuple[Any, Any]:  # noqa: ANN401  a cffi pointer
        """
        Make an `eas_thread`, and return it with its `eas_call`.
        """
        made = ffi.new("eas_thread *", {"ring": ring, "worker": worker, "thread": thread})
        return made, ffi.addressof(made, "call")

    def new_size(self) -> Any:  # noqa: ANN401  a cffi array
        """
        Make room for a size.
        """
        return ffi.new("size_t[1]")

    def copy_call(self, call: Any) -> Any:  # noqa: ANN401  a cffi pointer
        """
        Copy an `eas_call`.
        """
        return ffi.new("eas_call *", call[0])

    def new_batch(self, batches: Any, thread: int, size: int) -> tuple[Any, Callable[[int], Any]]:  # noqa: ANN401
        """
        Make an `eas_batch`, and return it with what returns an `eas_call` of its array.
        """
        calls = ffi.new("eas_call[]", size)
        made = ffi.new("eas_batch *", {"batches": batches, "thread": thread, "calls": calls})
        return made, partial(ffi.addressof, calls)

    def new_calls(self, count: int) -> Callable[[int], Any]:
        """
        Make an array of *count* `eas_call`, and return what returns each of them.
        """
        return partial(ffi.addressof, ffi.new("eas_call[]", count))

    def read(self, pointer: Any, size: int) -> bytes:  # noqa: ANN401  a cffi pointer
        """
        Copy *size* bytes at *pointer*.
        """
        data: bytes = ffi.buffer(pointer, size)[:]
        return data


library: Final = CffiLibrary()
use(library)
