"""
Python's side of java/native/launcher.cc, a libjvm for JPype that hides JPype and the bridge from the user's classes.
"""

from __future__ import annotations

import ctypes
import locale
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import eas_host
from eas_host.ring.bindings import MODULE, address
from eas_runtime.ring import WorkerRing

LAUNCHER: Final = Path(eas_host.__file__).with_name("java") / "eas-host-launcher.so"

_STDERR: Final = 2
_ASCII: Final = frozenset({"ANSI_X3.4-1968", "US-ASCII"})
"""What glibc and others call the encoding of the locales C and POSIX."""


@contextmanager
def prepared_launcher(
    libjvm: Path, options: Sequence[str], hidden: Sequence[Path], ring: WorkerRing, report: int
) -> Iterator[str]:
    """
    Prepare the launcher for one JVM, and yield the path of the library that starts it.

    Args:
        libjvm: the JVM's own.
        options: the JVM's, with its class path. The options that JPype then starts it with are ignored.
        hidden: the jars with the classes of JPype and of the bridge.
        ring: the ring that its threads take requests from.
        report: the descriptor for what is known of the JVM's end; -1: stderr.

    Raises:
        OSError: the launcher cannot be loaded, or does not fit the native module.
    """
    library = ctypes.CDLL(str(LAUNCHER))
    path = os.fsencode(libjvm)  # kept in variables: the launcher holds pointers to them until the JVM has started
    own = _texts([os.fsencode(option) for option in options])
    urls = _texts([jar.as_uri().encode() for jar in hidden])
    pointer = ctypes.c_void_p(address(ring.pointer))
    if not library.eas_launcher_connect(report if report >= 0 else _STDERR, MODULE, pointer, ring.worker):
        raise OSError(f"{LAUNCHER}: it was built for another native module; run `make setup`, or `pip install .`")
    library.eas_launcher_prepare(path, len(own), own, len(urls), urls)
    try:
        with _utf8_file_names():
            yield str(LAUNCHER)
    finally:
        library.eas_launcher_started()


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


def _texts(texts: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * len(texts))(*texts)
