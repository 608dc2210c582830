r"""
Text from others, fit for a terminal and for a log: what could move a cursor, colour a screen, or look like a line of
its own, is written as `\x1b`.

Tabs stay, for traces have them, and so do line feeds: whoever writes a record of several lines indents the rest, so
that no text can pass for a record. Beyond ASCII that is Unicode's other controls, its line separators, and the marks
that reverse what follows.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = "\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_ALL: Final = re.compile(f"[{_CONTROLS}\x1b]")
_BUT_COLOURS: Final = re.compile(rf"[{_CONTROLS}]|\x1b(?!\[[0-9;:]*m)")
_BEYOND_JSON: Final = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PLAIN: Final = bytes([9, 10, *range(32, 127)])


def escaped(text: str, *, colours: bool = False) -> str:
    """
    *text* without controls; with *colours*, those stay that do nothing but colour.
    """
    if text.isprintable():
        return text
    return (_BUT_COLOURS if colours else _ALL).sub(_code, text)


def is_plain(data: bytes) -> bool:
    """
    Tell whether *data* is ASCII without anything to escape; quickly, for there may be much of it.
    """
    return not data.translate(None, _PLAIN)


def indented(text: str) -> str:
    """
    *text* as one record: its further lines cannot be taken for others.
    """
    return text.rstrip("\n").replace("\n", "\n  ") if "\n" in text else text


def escaped_json(text: str) -> str:
    r"""
    *text*, which is JSON, without the controls that JSON allows in it.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return _BEYOND_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _code(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]
