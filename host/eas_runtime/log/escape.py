r"""
Makes text from others safe for a terminal and for a log: a character that could move the cursor, change the colour, or
begin a new line is written as an escape, such as `\x1b`.

Tabs stay, since stack traces have them, and so do line feeds: the further lines of a record are indented, so that they
cannot look like records. Beyond ASCII, Unicode's other control characters are escaped, its line separators, and the
marks that reverse the direction of the text.
"""

import re

_CONTROLS = "\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_ALL = re.compile(f"[{_CONTROLS}\x1b]")
_BUT_COLOURS = re.compile(rf"[{_CONTROLS}]|\x1b(?!\[[0-9;:]*m)")
_BEYOND_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PLAIN = bytes([9, 10, *range(32, 127)])


def escape_controls(text: str, *, colours: bool = False) -> str:
    """
    Escape the control characters in *text*; with *colours*, except those that only set a colour.
    """
    if text.isprintable():
        return text
    return (_BUT_COLOURS if colours else _ALL).sub(_code, text)


def is_plain(data: bytes) -> bool:
    """
    Tell whether *data* is ASCII without anything to escape. This is fast, since there may be much of it.
    """
    return not data.translate(None, _PLAIN)


def indent_continuation(text: str) -> str:
    """
    Indent the further lines of *text*, so that they do not look like records of their own.
    """
    return text.rstrip("\n").replace("\n", "\n  ") if "\n" in text else text


def escape_json(text: str) -> str:
    r"""
    Escape the control characters in *text* that JSON allows.
    """
    if _is_ascii(text) and "\x7f" not in text:
        return text
    return _BEYOND_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _code(found: "re.Match[str]") -> str:
    return repr(found[0])[1:-1]


def _encodes_to_ascii(text: str) -> bool:
    try:
        text.encode("ascii")
    except UnicodeEncodeError:
        return False
    return True


_is_ascii = getattr(str, "isascii", _encodes_to_ascii)  # 3.6 has no isascii
