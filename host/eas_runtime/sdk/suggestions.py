"""
Which name the user may have meant where there is none of the name that he wrote.

Python itself says so since 3.10, but only in tracebacks, and not in the text of the error.
"""

import builtins
import difflib
import re
import sys
from types import FrameType
from typing import Iterable

from eas_runtime.sdk.frames import last_frame

_ATTRIBUTE = re.compile(r"'(?P<type>[\w.]+)' object has no attribute '(?P<name>\w+)'$")
_OF_MODULE = re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'$")
_IMPORTED = re.compile(r"cannot import name '(?P<name>\w+)'")
_UNDEFINED = re.compile(r"name '(?P<name>\w+)' is not defined")


def did_you_mean(error: BaseException) -> "str | None":
    """
    Return the name that comes closest to the one that *error* is about; None if it is about something else, or no name
    is close.
    """
    try:
        text = str(error)
        if isinstance(error, AttributeError):
            return _attribute(text, error)
        if isinstance(error, ImportError):
            return _close(_IMPORTED, text, dir(sys.modules.get(error.name or "")))
        if isinstance(error, NameError):
            return _close(_UNDEFINED, text, _names_at(last_frame(error)))
    except Exception:  # noqa: BLE001  `dir` and `str` may be the user's own
        return None
    return None


def _attribute(text: str, error: AttributeError) -> "str | None":
    found = _OF_MODULE.match(text)
    if found:
        return _close(_OF_MODULE, text, dir(sys.modules.get(found.group("module"))))
    # Before 3.10 an error does not tell its object, which mostly is a variable where it was raised.
    found = _ATTRIBUTE.match(text)
    frame = last_frame(error)
    if not found or frame is None:
        return None
    owners = [value for value in frame.f_locals.values() if type(value).__name__ == found.group("type").split(".")[-1]]
    return _close(_ATTRIBUTE, text, dir(owners[0])) if owners else None


def _names_at(frame: "FrameType | None") -> "list[str]":
    return [] if frame is None else [*frame.f_locals, *frame.f_globals, *dir(builtins)]


def _close(pattern: "re.Pattern[str]", text: str, names: "Iterable[str]") -> "str | None":
    found = pattern.match(text)
    if not found:
        return None
    wanted = found.group("name")
    return next(iter(difflib.get_close_matches(wanted, [name for name in names if name != wanted], 1)), None)
