"""
Finds processors that embed Python before they are loaded.

Most workers are Python processes. A processor that starts a Python of its own finds one running there: `Py_Initialize`
returns without having done anything, so the caller does not hold the GIL although it expects to, and its next call of
Python's API crashes. What matters, therefore, is which functions the processor calls, or a library that came with it.
A library that only links libpython, as builds of TensorFlow do, starts nothing. A library that calls `Py_IsInitialized`
probably handles a Python that is running already.

Some processors pass this check and still collide with the worker's Python while they load: pybind11's
`scoped_interpreter` and jep refuse a second Python. Their messages are recognised here and explained.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import dynamic_section
from eas_host.errors import EntryInvalid

_STARTS: Final = (
    "Py_Initialize",
    "Py_InitializeEx",
    "Py_InitializeFromConfig",
    "Py_InitializeFromInitConfig",
    "Py_Main",
    "Py_BytesMain",
)
_ASKS: Final = ("Py_IsInitialized", "PyGILState_Check")
_LIBPYTHON: Final = re.compile(r"libpython[\d.]+")
_PYTHON_FRAME: Final = re.compile(r"/(lib)?python[\d.]+[^/]*\+0x[0-9a-f]+")
_JEP_FRAME: Final = re.compile(r"/(lib)?jep[^/ ]*\.so\+0x")
_REFUSALS: Final = re.compile(r"The interpreter is already running|\bjep\.MainInterpreter\.initialize")
"""What pybind11's `initialize_interpreter` throws, and the function in which jep fails to start its own Python."""
_ADVICE: Final = (
    "this process runs a Python already; run the processor in a native worker (--worker native), or let it start a"
    " Python only if Py_IsInitialized() says that there is none, and take the GIL with PyGILState_Ensure() before each"
    " use (docs/embedding-python.md)"
)
_ADVICE_JEP: Final = (
    "jep cannot start its Python here, since the process runs a Python already; run jep in a JVM of its own, as"
    " docs/embedding-python.md shows"
)


class PythonStarter(NamedTuple):
    """
    A library that starts a Python.

    Attributes:
        what: its path and the function that it calls.
        asks: whether it, or one that came with it, calls a function that tells whether a Python is running already.
    """

    what: str
    asks: bool


def _is_libpython(library: str) -> bool:
    """
    Tell whether a file called *library* is a libpython.
    """
    return _LIBPYTHON.match(library) is not None


def find_starter(entry: Path) -> PythonStarter | None:
    """
    Find the library that starts a Python: *entry*, or one that came with it.
    """
    what, asks = "", False
    for path, found in dynamic_section.bundled_libraries(entry):
        if not _is_libpython(path.name):
            what = what or next((f"{path}: it calls {name}" for name in _STARTS if found.mentions(name)), "")
            asks = asks or any(map(found.mentions, _ASKS))
    return PythonStarter(what, asks) if what else None


def find_libpython(entry: Path) -> str:
    """
    Find the libpython that the library *entry*, or one that came with it, needs: its path if it came with them or an
    rpath leads to it, else its name; `""` if they need none.
    """
    libraries = list(dynamic_section.bundled_libraries(entry))
    paths = {path.name: str(path) for path, _ in libraries}
    return next((paths.get(name, name) for _, found in libraries for name in found.needed if _is_libpython(name)), "")


def check(entry: Path) -> None:
    """
    Check that neither *entry* nor a library that came with it starts a Python without asking whether one is running.

    Raises:
        EntryInvalid: one of them does; the message says what to write instead.
    """
    found = find_starter(entry)
    if found is not None and not found.asks:
        raise EntryInvalid(f"{found.what}, which starts a Python, but {_ADVICE}")


def explain(message: str, detail: str = "") -> str:
    """
    Add advice to *message*, why a processor has failed to load, if it collided with the worker's Python. *detail* is a
    trace.
    """
    refusal = _REFUSALS.search(message) or _REFUSALS.search(detail)
    if refusal is None:
        return message
    return f"{message}; {_ADVICE_JEP if 'jep' in refusal[0] else _ADVICE}"


def crash_hint(frames: Iterable[str]) -> str:
    """
    Say what to do about a crash while loading if its *frames* show that the processor had called Python; else "".
    """
    stack = " ".join(frames)
    if _PYTHON_FRAME.search(stack) is None:
        return ""
    return f"; it had called Python: {_ADVICE_JEP if _JEP_FRAME.search(stack) else _ADVICE}"
