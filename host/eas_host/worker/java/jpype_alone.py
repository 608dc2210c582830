"""
Imports JPype without NumPy, which JPype imports wherever it is installed.

JPype wants to know NumPy's numbers, to pass them to Java. Here only addresses and sizes go there. NumPy is 86 modules,
which took 0.13 s of each start: a fifth of what a Java worker needs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Final

_NUMPY: Final = "numpy"


@contextlib.contextmanager
def _numpy_hidden() -> Iterator[None]:
    """
    Have an import of NumPy fail as if it was not installed, unless this process has it already.
    """
    if _NUMPY in sys.modules:
        yield
        return
    hidden: dict[str, Any] = sys.modules
    hidden[_NUMPY] = None  # what Python takes for a module that cannot be found
    try:
        yield
    finally:
        del hidden[_NUMPY]


with _numpy_hidden():
    import jpype
    import jpype.config
    import jpype.nio

__all__ = ["jpype"]
