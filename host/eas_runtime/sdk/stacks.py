"""
Finds where the threads of a Python program are.
"""

import sys
import threading
import traceback
from typing import Iterable

from eas_runtime.sdk.frames import OURS, is_users
from eas_runtime.stacks import Stack
from eas_runtime.unpatched import Thread

_ABOVE = (*OURS, threading.__file__, "<string>")
"""Files of the frames above the user's first one; the last is the command of a worker process. Further down `threading`
is shown: the user's code waits in it."""


def stacks_of(busy: "Iterable[tuple[Thread, float]]") -> "list[Stack]":
    """
    Return the stacks of those of the *busy* threads that run the user's code. Each comes with the time
    (`time.monotonic`) when its request began.
    """
    frames = sys._current_frames()  # noqa: SLF001  documented, with that name
    stacks = []
    for thread, start in busy:
        frame = frames.get(thread.ident or 0)
        stack = traceback.extract_stack(frame) if frame is not None else []
        while stack and stack[0].filename.startswith(_ABOVE):
            del stack[0]
        stack = [entry for entry in stack if not entry.filename.startswith(OURS)]
        if stack:
            lines = "".join(traceback.format_list(stack)).rstrip("\n")
            stacks.append(Stack(thread.name, start, _place(stack), lines))
    return stacks


def _place(stack: "list[traceback.FrameSummary]") -> str:
    """
    Return where the user's own code is; if there is none in *stack*, where that of a library is.
    """
    innermost = next((frame for frame in reversed(stack) if is_users(frame.filename)), stack[-1])
    return f"{innermost.name} at {innermost.filename}:{innermost.lineno}"
