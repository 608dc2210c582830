"""
Whose code a frame runs: the user's, an installed package's, Python's own, or the host's.

A trace has the frames of users and packages. Left out are the host's own, wherever they stand, and below the last of
the others those of Python's standard library, in which most errors are raised and none is caused.
"""

import os
import traceback
from types import CodeType, FrameType
from typing import Iterable

from eas_runtime.linking import places

OURS = (*(places.package(name) for name in ("allspark", "eas_host", "eas_runtime")), "<frozen importlib")
"""How the files of the host's own code begin, and those of the import system."""
_LIBRARY = f"{os.path.dirname(os.__file__)}/"
"""Where Python's standard library is."""
_INSTALLED = ("site-packages", "dist-packages")


def place_of_definition(code: CodeType) -> str:
    """
    Return the `file:line` where the function with *code* is defined; its decorators, if it has some.
    """
    return f"{code.co_filename}:{code.co_firstlineno}"


def last_frame(error: BaseException) -> "FrameType | None":
    """
    Return the frame in which *error* was raised.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1] if frames else None


def is_users(path: str) -> bool:
    """
    Tell whether the code of the file *path* is the user's own.
    """
    return not (path.startswith(("<", *OURS)) or _is_library(path) or any(part in path for part in _INSTALLED))


def relevant(stack: "Iterable[traceback.FrameSummary]") -> "list[traceback.FrameSummary]":
    """
    Return the frames of *stack* that a trace has.
    """
    frames = [frame for frame in stack if not frame.filename.startswith(OURS)]
    while frames and _is_library(frames[-1].filename):
        frames.pop()
    return frames


def _is_library(path: str) -> bool:
    return path.startswith((_LIBRARY, "<frozen ")) and not any(part in path for part in _INSTALLED)
