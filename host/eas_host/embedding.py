"""
Processors that embed Python, told apart before they are loaded.

A worker is a Python process. A processor that starts a Python of its own finds one running: `Py_Initialize` returns
without having done anything, the caller does not hold the GIL as it then would, and its next call of Python's API
crashes. One that asks `Py_IsInitialized` first may know all that, and one that only links libpython, as builds of
TensorFlow do, never comes to it. So what counts is which functions are called, by the processor or by a library that
came with it.

Where asking is not enough, it shows when the processor loads: pybind11's `scoped_interpreter` refuses a second Python
in words that are known here, as does jep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from eas_host import dynamic
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
_REFUSALS: Final = re.compile(r"The interpreter is already running|\bjep\.MainInterpreter\.initialize")
"""What pybind11's `initialize_interpreter` throws, and where jep's own Python fails to start."""
_ADVICE: Final = (
    "this process is a Python already; start none where Py_IsInitialized() says so, and take the GIL with"
    " PyGILState_Ensure() before each use (docs/embedding-python.md)"
)
_ADVICE_JEP: Final = (
    "jep cannot start its Python here, where the process is a Python already; run jep in a JVM of its own, as"
    " docs/embedding-python.md shows"
)


def check(entry: Path) -> None:
    """
    Demand that the library *entry*, and those that came with it, do not start a Python without asking for one.

    Raises:
        EntryInvalid: one does; the message says what to write instead.
    """
    starts, asks = "", False
    for path, found in dynamic.family(entry):
        if not _LIBPYTHON.match(path.name):
            starts = starts or next((f"{path}: it calls {name}" for name in _STARTS if found.mentions(name)), "")
            asks = asks or any(map(found.mentions, _ASKS))
    if starts and not asks:
        raise EntryInvalid(f"{starts}, which starts a Python, but {_ADVICE}")


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
    return f"; it had called Python: {_ADVICE}" if any(map(_PYTHON_FRAME.search, frames)) else ""
