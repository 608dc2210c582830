"""
A processor's shared library, loaded through the host's cffi module.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Final

from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.ring.bindings import ffi, lib, text
from eas_runtime.ring import WorkerRing
from eas_runtime.ring.native import ERROR_SIZE
from eas_runtime.stacks import Stack

_STACKS_SIZE: Final = 64 * 1024
"""Bytes; stacks that do not fit are left out."""
_STATE_UNSET: Final = -0x5EED5EED
"""The value of *state* before `initialize`; no processor is likely to set this one."""
_MAX_NAMED: Final = 5
"""Names of a folder in a message."""
_MAX_SCANNED: Final = 1000
"""Names of a folder that are read to sort them."""


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

    def announce(self, ring: WorkerRing, max_in_flight: int) -> None:
        """
        Say in *ring* how many requests the processor takes at once: a batch, or *max_in_flight* with `async_process`.
        """
        lib.eas_cpp_announce(self._processor, ring.pointer, ring.worker, max_in_flight)

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


def stacks(ring: WorkerRing) -> list[Stack]:
    """
    Return where the threads of this process are that run a processor's code.
    """
    described = ffi.new("char[]", _STACKS_SIZE)
    lib.eas_stacks(ring.pointer, ring.worker, described, _STACKS_SIZE)
    found: list[Stack] = []
    for line in text(described).splitlines():
        if not line.startswith(" "):
            found.append(Stack(line.rstrip(":"), None, "", ""))
        else:
            found[-1] = found[-1]._replace(frames=f"{found[-1].frames}\n{line}".lstrip("\n"))
    return found


def attach_sanitizers(fd: int) -> None:
    """
    Have the sanitizers of this process write their reports to *fd*, and record the errors that they find.
    """
    lib.eas_sanitizers_attach(fd)


def threw_error(what: str) -> InitializeFailed:
    """
    Make the error for an `initialize` that threw *what*.
    """
    return InitializeFailed(f"initialize threw {what}")


def state_error(state: int, model_entry: str) -> InitializeFailed:
    """
    Make the error for an `initialize` that set a *state* other than 0. The number has no text, and most are about the
    model, so the error says which that was and, of a folder, what is in it: an archive may have brought one more.
    """
    if state == _STATE_UNSET:
        return InitializeFailed("initialize did not set *state; set it to 0 when the model is loaded")
    return InitializeFailed(f"initialize failed with state {state}; {_describe_model(model_entry)}")


def _describe_model(model_entry: str) -> str:
    if not model_entry:
        return "it got no model: neither --model-entry nor model_path names one"
    named = f"the model_entry is {model_entry}"
    try:
        with os.scandir(model_entry) as found:
            names = sorted(one.name + "/" * one.is_dir() for one in islice(found, _MAX_SCANNED))
    except NotADirectoryError:
        return named
    except OSError as error:
        return f"{named}: {error.strerror}"
    more = ", ..." if len(names) > _MAX_NAMED else ""
    return f"{named}, a folder with {', '.join(names[:_MAX_NAMED])}{more}" if names else f"{named}, an empty folder"
