"""
What a head must look like to be decided about as another one was: as a pattern, and as a template of the data plane.

There a value that may differ is any printable text, which the parser takes for a value wherever it stands; all other
bytes are the same. So there is no second parser that could disagree with the first.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from eas_host.ring.plane import LENGTH, TEXT, VALUE

CONTENT_LENGTH: Final = b"content-length"
END_OF_LINE: Final = b"\r\n"
END_OF_HEAD: Final = b"\r\n\r\n"
_VALUE: Final = rb"[\t -~]*"
_MAX_PATTERNS: Final = 256
_PART: Final = struct.Struct("<BI")


class _Line(NamedTuple):
    """
    A line of a head: its *text*, if it must be the same; else the field's *name*, *group* and *value* of a pattern.
    """

    text: bytes
    name: bytes = b""
    group: str = ""
    value: bytes = _VALUE


class HeadPattern:
    """
    Describes *lines*.

    Attributes:
        fields: the names of its fields, in lower case.
    """

    def __init__(self, lines: list[_Line], fields: frozenset[bytes]) -> None:
        self._lines = lines
        self.fields = fields

    def compile(self) -> re.Pattern[bytes]:
        """
        Make the pattern. Each value that is read has a group.
        """
        return _compile(END_OF_LINE.join(map(_expression, self._lines)) + END_OF_HEAD)

    def template(self) -> bytes:
        """
        Make the template: the same, as `eas_plane_learn` takes it. Values are not read, but for the length.
        """
        parts = []
        text = b""
        for number, line in enumerate(self._lines):
            text += END_OF_LINE if number else b""
            if not line.name:
                text += line.text
                continue
            parts.append(_part(TEXT, text + line.name + b":"))
            parts.append(_part(LENGTH if line.name.lower() == CONTENT_LENGTH else VALUE))
            text = b""
        parts.append(_part(TEXT, text + END_OF_HEAD))
        return b"".join(parts)


def describe(head: bytes, fixed: frozenset[bytes], read: Mapping[bytes, tuple[str, bytes]]) -> HeadPattern | None:
    """
    Describe the heads that are the same as *head* but for some values; None if one like this is harder to judge.

    Args:
        head: with the empty line that ends it.
        fixed: the fields whose values must be the same, by lower-case name.
        read: those whose values are read, with the name of the group and what the value must look like.
    """
    first, *lines = head.removesuffix(END_OF_HEAD).split(END_OF_LINE)
    described = [_Line(first)]
    seen: set[bytes] = set()
    for line in lines:
        name, colon, _ = line.partition(b":")
        key = name.lower()
        if not colon or key in seen or b"\n" in line or line[:1] in b" \t":
            return None  # a field that is there twice, or goes on in the next line
        seen.add(key)
        if key in read:
            described.append(_Line(b"", name, *read[key]))
        elif key in fixed:
            described.append(_Line(line))
        else:
            described.append(_Line(b"", name))
    return HeadPattern(described, frozenset(seen))


def whole(head: bytes) -> bytes:
    """
    Make the template of requests whose head is *head*, byte by byte.
    """
    return _part(TEXT, head)


def _part(kind: int, text: bytes = b"") -> bytes:
    return _PART.pack(kind, len(text)) + text


def _expression(line: _Line) -> bytes:
    if not line.name:
        return re.escape(line.text)
    name = re.escape(line.name)
    if not line.group:
        return name + b":" + line.value
    return b"%b: *(?P<%b>%b)" % (name, line.group.encode(), line.value)


@lru_cache(maxsize=_MAX_PATTERNS)
def _compile(pattern: bytes) -> re.Pattern[bytes]:
    """
    Compile *pattern*, which other connections of the same client need, too.
    """
    return re.compile(pattern)
