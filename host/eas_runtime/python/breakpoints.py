"""
Python's own debugger, where it cannot work as its user expects.

A worker process has no terminal: there `breakpoint()` would read the end of its input and raise an error that tells
nobody why. Another debugger that the user has chosen by PYTHONBREAKPOINT is left alone.

In the host's own process there is one. But where a copy of the program runs, `break app.py:12` looks for the file on
`sys.path` and finds the copy, while code names the original.
"""

import os
import sys

from eas_runtime.sdk.explanations import NO_TERMINAL
from eas_runtime.worker_spec import WorkerSpec


def refuse() -> None:
    """
    Have `breakpoint()` say how to get a terminal, from now on. Python has it since 3.7.
    """
    if not os.environ.get("PYTHONBREAKPOINT") and hasattr(sys, "breakpointhook"):
        sys.breakpointhook = _refuse


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError(NO_TERMINAL)


def follow_originals(spec: WorkerSpec) -> None:
    """
    Let breakpoints in a copy of *spec* be those in the original, from now on.
    """
    if not spec.copies:
        return
    import bdb  # noqa: PLC0415  few need it

    canonic = bdb.Bdb.canonic
    bdb.Bdb.canonic = lambda self, filename: spec.original(canonic(self, filename))  # type: ignore[method-assign]
