"""
Describes what the user's code has raised: as one line, and as a trace that begins with the user's first frame.
"""

import traceback

from eas_runtime.linking import places

_OURS = (places.package("eas_runtime"), places.package("eas_host"), "<frozen importlib")


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
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n")
