"""
The bridge as Python sees it: java/native/launcher.cc, by ctypes, starts the JVM and passes on commands to
java/src/eas/host/Commands.java.
"""

from __future__ import annotations

import ctypes
import locale
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import eas_host
from eas_host.errors import LOAD_ERRORS
from eas_host.ring.bindings import MODULE, address
from eas_runtime.ring import WorkerRing
from eas_runtime.ring.native import ERROR_SIZE

LAUNCHER: Final = Path(eas_host.__file__).with_name("java") / "eas-host-launcher.so"
BRIDGE: Final = LAUNCHER.with_name("eas-host-bridge.jar")

_STDERR: Final = 2
_ASCII: Final = frozenset({"ANSI_X3.4-1968", "US-ASCII"})
"""What glibc and others call the encoding of the locales C and POSIX."""
_SIZE: Final = struct.Struct(">i")
"""What precedes each text, as `Commands` reads and writes it."""


class Bridge:
    """
    The JVM of this process, whose threads take requests from *ring*. What is known of its end goes to the descriptor
    *report*, or to stderr if that is -1.

    Raises:
        OSError: the launcher cannot be loaded, or the JVM of the library *libjvm* does not start with *options*.
    """

    def __init__(self, libjvm: Path, options: Sequence[str], ring: WorkerRing, report: int) -> None:
        # Its symbols must be global before those of libjvm are.
        self._library = ctypes.CDLL(str(LAUNCHER), mode=ctypes.RTLD_GLOBAL)
        self._library.eas_jvm_call.restype = ctypes.c_void_p
        self._free = ctypes.CDLL(None).free
        pointer = ctypes.c_void_p(address(ring.pointer))
        if not self._library.eas_jvm_connect(report if report >= 0 else _STDERR, MODULE, pointer, ring.worker):
            raise OSError(f"{LAUNCHER}: it was built for another native module; run `make setup`, or `pip install .`")
        error = ctypes.create_string_buffer(ERROR_SIZE)
        texts = [os.fsencode(option) for option in options]
        array = (ctypes.c_char_p * len(texts))(*texts)
        url = BRIDGE.as_uri().encode()
        with _utf8_file_names(), _locale_kept():
            failed = self._library.eas_jvm_start(
                os.fsencode(libjvm), len(texts), array, url, error, ctypes.c_size_t(ERROR_SIZE)
            )
        if failed:
            raise OSError(error.value.decode("utf-8", "replace"))

    def call(self, command: str, *arguments: str) -> list[str]:
        """
        Have the bridge execute *command*, and return what it answers.

        Raises:
            LoadError: the bridge says so.
        """
        request = b"".join(_SIZE.pack(len(data)) + data for data in map(_encode, (command, *arguments)))
        size = ctypes.c_int()
        answer = self._library.eas_jvm_call(request, len(request), ctypes.byref(size))
        if answer is None:
            raise RuntimeError(f"the bridge cannot execute {command!r}; its own message is above")
        try:
            kind, *texts = _texts(ctypes.string_at(answer, size.value))
        finally:
            self._free(ctypes.c_void_p(answer))
        if kind:
            raise LOAD_ERRORS[kind](*texts)
        return texts


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _texts(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size + size
        yield data[at - size : at].decode()


@contextmanager
def _utf8_file_names() -> Iterator[None]:
    """
    Have a JVM that starts meanwhile read file names as UTF-8 where the locale's encoding is ASCII.

    The JVM takes the encoding of file names from the environment only. With LC_ALL=C, as in many containers, it could
    not open files with other letters in their names.
    """
    before = os.environ.get("LC_ALL")
    if locale.nl_langinfo(locale.CODESET) not in _ASCII:
        yield
        return
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        del os.environ["LC_ALL"]
        os.environ.update({} if before is None else {"LC_ALL": before})


@contextmanager
def _locale_kept() -> Iterator[None]:
    """
    Restore the locale afterwards: a JVM that starts takes that of the environment for the whole process.
    """
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)
