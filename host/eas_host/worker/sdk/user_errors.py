"""
Describes what the user's code has raised: as one line, and as a trace that begins with the user's first frame.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

import eas_host

_OURS: Final = (str(Path(eas_host.__file__).parent), "<frozen importlib")


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
    Return the type and text of *error*, as in the last line of a traceback.
    """
    text = safe_str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def user_trace(error: BaseException) -> str:
    """
    Format the traceback of *error* without the frames above the user's own code.
    """
    while error.__traceback__ is not None and error.__traceback__.tb_frame.f_code.co_filename.startswith(_OURS):
        error.__traceback__ = error.__traceback__.tb_next
    return "".join(traceback.format_exception(error)).rstrip("\n")
