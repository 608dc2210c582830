"""
Stack frames, as far as the native module knows them: which files have the host's own code, and names of functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eas_host import _native
from eas_host.ring.bindings import ffi, lib, text
from eas_runtime.ring.native import ERROR_SIZE

HOST_FILES: Final = frozenset(
    str(Path(_native.__file__).with_name(name))
    for name in (Path(_native.__file__).name, "eas-cpp-worker", "libeas-runtime.so")
)
"""The native module, the program of workers without Python, and the library of workers in Python."""


def function_at(frame: str) -> str:
    """
    Return the function at *frame*, a `path+0xoffset`, readable; `""` if the file has no name for it.

    Only the file's symbols are read, in this thread: that takes milliseconds if the file is large.
    """
    described = ffi.new("char[]", ERROR_SIZE)
    if not lib.eas_describe_frame(frame.encode(), described, ERROR_SIZE):
        return ""
    return text(described).removesuffix(f" ({frame})")
