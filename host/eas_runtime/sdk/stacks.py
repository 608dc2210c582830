"""
Describes, for the log, where the busy threads of a Python program are when a request takes long.
"""

import sys
import threading
import time
import traceback
from typing import Iterable

from eas_runtime.linking import places
from eas_runtime.unpatched import Thread

_OURS = tuple(places.package(name) for name in ("allspark", "eas_host", "eas_runtime"))
_ABOVE = (*_OURS, threading.__file__)
"""Files of the frames above the user's first one. Further down `threading` is shown: the user's code waits in it."""


def describe_stacks(busy: "Iterable[tuple[Thread, float]]", reason: str) -> "str | None":
    """
    Describe the *busy* threads, each with the time (`time.monotonic`) when its request began. Returns None if none of
    them runs the user's code.
    """
    frames = sys._current_frames()  # noqa: SLF001  documented, with that name
    now = time.monotonic()
    described = []
    for thread, start in busy:
        frame = frames.get(thread.ident or 0)
        stack = traceback.extract_stack(frame) if frame is not None else []
        while stack and stack[0].filename.startswith(_ABOVE):
            del stack[0]
        stack = [entry for entry in stack if not entry.filename.startswith(_OURS)]
        if stack:
            lines = "".join(traceback.format_list(stack)).rstrip("\n")
            described.append(f"{thread.name}, for {now - start:.1f} s:\n{lines}")
    if not described:
        return None
    count = f"the {len(described)} busy worker threads are" if len(described) > 1 else "the busy worker thread is"
    return f"where {count} ({reason}):\n" + "\n".join(described)
