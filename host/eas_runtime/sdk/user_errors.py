"""
Describes what the user's code has raised: as one line, by its place in the user's own files, and as a trace.
"""

import itertools
import traceback
from typing import Iterator

from eas_runtime.sdk.frames import is_users, relevant
from eas_runtime.sdk.suggestions import did_you_mean

_MAX_FRAMES = 32


def safe_str(value: object) -> str:
    """
    Return `str` of *value*, or a text in its place if its `__str__` raises.
    """
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  it is the processor's code
        return f"<{type(value).__name__} whose __str__ raised {type(error).__name__}>"


def describe_error(error: BaseException) -> str:
    """
    Return the type and text of *error*, as in the last line of a traceback, with Python's "Did you mean" also where
    Python is too old for that.
    """
    text = safe_str(error)
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    meant = did_you_mean(error)
    return f"{described}. Did you mean: {meant!r}?" if meant is not None else described


def place_of(error: BaseException) -> "str | None":
    """
    Return the `file:line` of the user's code at which *error* was raised, or that called the library that raised it.
    None if the user's code was not reached.
    """
    own = [
        (frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_users(frame.f_code.co_filename)
    ]
    return f"{own[-1][0].f_code.co_filename}:{own[-1][1]}" if own else None


def user_trace(error: BaseException) -> str:
    """
    Format the traceback of *error*, and of those that it comes from. Empty if it has no frame but the host's.
    """
    formatted = traceback.TracebackException(type(error), error, error.__traceback__)
    for part in _chained(formatted):
        part.stack[:] = relevant(part.stack)
    if not any(part.stack for part in _chained(formatted)) and not isinstance(error, SyntaxError):
        return ""
    return "".join(formatted.format()).rstrip("\n")


def user_frames(error: BaseException) -> str:
    """
    Return the frames that *error* has passed, innermost first, each in a line of its own that a newline begins. Empty
    if it has none but the host's.
    """
    stack = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    lines = (f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(relevant(stack)))
    counted = ((line, len(list(same))) for line, same in itertools.groupby(lines))
    frames = (line if times == 1 else f"{line} [{times} times]" for line, times in counted)
    return "".join(f"\n  at {frame}" for frame in itertools.islice(frames, _MAX_FRAMES))


def _chained(first: traceback.TracebackException) -> "Iterator[traceback.TracebackException]":
    """
    Yield *first* and all that it comes from, or that it is a group of.
    """
    waiting = [first]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [one for one in (part.__cause__, part.__context__) if one is not None]
        waiting += getattr(part, "exceptions", None) or []
