"""
Processors that embed Python, told apart before they are loaded.

Most workers are Python processes. A processor that starts a Python of its own finds one running there: `Py_Initialize`
returns without having done anything, the caller does not hold the GIL as it then would, and its next call of Python's
API crashes. So what counts is which functions are called, by the processor or by a library that came with it. One that
only links libpython, as builds of TensorFlow do, starts nothing; one that asks `Py_IsInitialized` may know all that.

Where a processor meets the worker's Python all the same, it shows when it loads: pybind11's `scoped_interpreter`
refuses a second Python in words that are known here, as does jep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import dynamic
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
"""What pybind11's `initialize_interpreter` throws, and where jep's own Python fails to start."""
_ADVICE: Final = (
    "this process is a Python already; run it in a worker that is none (--worker native), or start none where"
    " Py_IsInitialized() says so, and take the GIL with PyGILState_Ensure() before each use (docs/embedding-python.md)"
)
_ADVICE_JEP: Final = (
    "jep cannot start its Python here, where the process is a Python already; run jep in a JVM of its own, as"
    " docs/embedding-python.md shows"
)


class Starter(NamedTuple):
    """
    A library that starts a Python.

    Attributes:
        what: its path and what it calls.
        asks: whether it, or one that came with it, calls what tells that Python runs already.
    """

    what: str
    asks: bool


def is_python(library: str) -> bool:
    """
    Tell whether the file's name *library* is one of libpython's.
    """
    return _LIBPYTHON.match(library) is not None


def starter(entry: Path) -> Starter | None:
    """
    Find out whether the library *entry*, or one that came with it, starts a Python.
    """
    what, asks = "", False
    for path, found in dynamic.family(entry):
        if not is_python(path.name):
            what = what or next((f"{path}: it calls {name}" for name in _STARTS if found.mentions(name)), "")
            asks = asks or any(map(found.mentions, _ASKS))
    return Starter(what, asks) if what else None


def libpython(entry: Path) -> str:
    """
    The libpython that the library *entry*, or one that came with it, needs: its path if they say where it is, else its
    name; `""` if they need none.
    """
    family = list(dynamic.family(entry))
    found = {path.name: str(path) for path, _ in family}
    return next((found.get(name, name) for _, library in family for name in library.needed if is_python(name)), "")


def check(entry: Path) -> None:
    """
    Demand that the library *entry*, and those that came with it, do not start a Python without asking for one.

    Raises:
        EntryInvalid: one does; the message says what to write instead.
    """
    found = starter(entry)
    if found is not None and not found.asks:
        raise EntryInvalid(f"{found.what}, which starts a Python, but {_ADVICE}")


def explain(message: str, detail: str = "") -> str:
    """
    Add to *message*, why a processor has failed to load, what to do if it met the worker's Python. *detail* is a trace.
    """
    refusal = _REFUSALS.search(message) or _REFUSALS.search(detail)
    if refusal is None:
        return message
    return f"{message}; {_ADVICE_JEP if 'jep' in refusal[0] else _ADVICE}"


def hint(frames: Iterable[str]) -> str:
    """
    Say what to do if a crash while loading was one of Python called by the processor, whose *frames* these are.
    """
    stack = " ".join(frames)
    if _PYTHON_FRAME.search(stack) is None:
        return ""
    return f"; it had called Python: {_ADVICE_JEP if _JEP_FRAME.search(stack) else _ADVICE}"
