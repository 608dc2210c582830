"""
Where a coroutine waits: its own frame, and those of what it awaits, from the outermost on.
"""

import traceback
from types import FrameType
from typing import Any, Iterator

_LINKS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
"""The frame and what is awaited: of a coroutine, of a generator that serves as one, and of an async generator."""


def stack_of(coroutine: object) -> "list[traceback.FrameSummary]":
    """
    Return the frames of *coroutine*, which does not run now.
    """
    places = ((frame, frame.f_lineno) for frame in _frames(coroutine))
    return list(traceback.StackSummary.extract(places, lookup_lines=False))


def _frames(awaited: Any) -> "Iterator[FrameType]":  # noqa: ANN401  a coroutine, or what one awaits
    while awaited is not None:
        for frame_name, next_name in _LINKS:
            if hasattr(awaited, frame_name):
                frame = getattr(awaited, frame_name)
                if frame is not None:
                    yield frame
                awaited = getattr(awaited, next_name)
                break
        else:
            return
