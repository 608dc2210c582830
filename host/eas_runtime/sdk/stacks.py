"""
Finds where the threads of a Python program are.
"""

import os
import sys
import threading
import traceback
from typing import Iterable

from eas_runtime.sdk.frames import OURS, is_users
from eas_runtime.stacks import Stack
from eas_runtime.unpatched import Thread

_LIBRARY = os.path.dirname(os.__file__)
_LOOP = tuple(os.path.join(_LIBRARY, name) for name in ("asyncio", "selectors.py"))
_ABOVE = (*OURS, threading.__file__, *_LOOP, "<string>")
"""Files of the frames above the user's first one; the last is the command of a worker process. Further down `threading`
and `asyncio` are shown: the user's code waits in them."""


def stacks_of(busy: "Iterable[tuple[Thread, float]]") -> "list[Stack]":
    """
    Return the stacks of those of the *busy* threads that run the user's code. Each comes with the time
    (`time.monotonic`) when its request began.
    """
    frames = sys._current_frames()  # noqa: SLF001  documented, with that name
    stacks = []
    for thread, start in busy:
        frame = frames.get(thread.ident or 0)
        if frame is not None:
            stacks.append(stack_from(traceback.extract_stack(frame), thread.name, start))
    return [stack for stack in stacks if stack is not None]


def stack_from(frames: "Iterable[traceback.FrameSummary]", name: str, start: float) -> "Stack | None":
    """
    Return the stack with those of *frames* that are not the host's own; None if no other is there. *name* is that of
    the thread, *start* the time when its request began.
    """
    stack = list(frames)
    while stack and stack[0].filename.startswith(_ABOVE):
        del stack[0]
    stack = [entry for entry in stack if not entry.filename.startswith(OURS)]
    if not stack:
        return None
    return Stack(name, start, _place(stack), "".join(traceback.format_list(stack)).rstrip("\n"))


def _place(stack: "list[traceback.FrameSummary]") -> str:
    """
    Return where the user's own code is; if there is none in *stack*, where that of a library is.
    """
    innermost = next((frame for frame in reversed(stack) if is_users(frame.filename)), stack[-1])
    return f"{innermost.name} at {innermost.filename}:{innermost.lineno}"
