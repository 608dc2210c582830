"""
The native library: the functions of native/src/api.h and native/src/batching.h, and the few ways to reach C's memory
that they need.

It comes in two forms of the same sources: any Python can load the plain shared library (`ctypes_library`); a process
that runs the host's own code has loaded the host's cffi module.
"""

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # which Python has since 3.8

ERROR_SIZE = 4096
"""Bytes for one line of error text: enough for a path of PATH_MAX (4096 bytes)."""


class NativeLibrary(Protocol):
    """
    One form of the native library. Pointers are whatever this form has for them; its functions take them back.

    Attributes:
        functions: has the functions of the headers, by their names.
    """

    functions: Any

    def map_ring(self, memory_fd: int, completion_fd: int) -> Any:  # noqa: ANN401  a pointer
        """
        Map a ring.

        Raises:
            OSError: it cannot be mapped.
        """

    def new_call(self) -> Any:  # noqa: ANN401  a struct
        """
        Make an `eas_call`, with its fields as attributes; functions take it as a pointer.
        """

    def new_thread(self, ring: Any, worker: int, thread: int) -> "tuple[Any, Any]":  # noqa: ANN401  a pointer
        """
        Make an `eas_thread` with these numbers, in the same way, and return it with the `eas_call` in it, which lives
        as long.
        """

    def new_size(self) -> Any:  # noqa: ANN401  an array of one
        """
        Make room for a size that a function puts there: its element 0.
        """

    def copy_call(self, call: Any) -> Any:  # noqa: ANN401  a struct
        """
        Copy an `eas_call`.
        """

    def new_batch(self, batches: Any, thread: int, size: int) -> "tuple[Any, Callable[[int], Any]]":  # noqa: ANN401
        """
        Make an `eas_batch` with room for *size* requests, in the same way. Return it with what returns the `eas_call`
        at a place in it, which lives as long.
        """

    def new_calls(self, count: int) -> "Callable[[int], Any]":
        """
        Make an array of *count* `eas_call`, and return what returns the one at a place in it; the array lives as
        long as that.
        """

    def read(self, pointer: Any, size: int) -> bytes:  # noqa: ANN401  a pointer
        """
        Copy *size* bytes at *pointer*.
        """
