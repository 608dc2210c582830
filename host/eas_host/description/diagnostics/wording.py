"""
How values and names appear in messages.
"""

from __future__ import annotations

import json
from typing import Any, Final

_MAX_LENGTH: Final = 40
"""Characters of a wrong value that a message shows: enough to find it, short enough for one line."""


def format_value(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Write a wrong *value* as it is in the file, truncated.
    """
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return truncate(json.dumps(value, ensure_ascii=False))


def truncate(text: str) -> str:
    """
    Shorten *text* so that it fits into a line with other words.
    """
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}..."
