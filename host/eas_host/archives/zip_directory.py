"""
Finds the directory of a zip: the list of its members, at the end of the file (APPNOTE.TXT, 4.3.12 to 4.3.16).

These bytes are all that is needed to look for a few names. `zipfile` makes an object for each member, which takes a
quarter of a second for the 50,000 members of a large jar, and half a gigabyte for a million.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final

_END: Final = struct.Struct("<4s8xL6x")  # the end record: ..., the directory's size
_END_64: Final = struct.Struct("<4s36xQ8x")
_LOCATOR_64: Final = struct.Struct("<4s16x")
_MAX_COMMENT: Final = 0xFFFF


def find(archive: BinaryIO) -> tuple[int, int]:
    """
    Find where the directory of *archive* begins and ends.

    Raises:
        ValueError: there is none; the message says why.
    """
    length = archive.seek(0, os.SEEK_END)
    archive.seek(max(0, length - _END.size - _MAX_COMMENT))
    begin = archive.tell()
    tail = archive.read()
    at = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    if at < 0:
        raise ValueError("the zip's directory is missing at its end: the file is cut short")
    end = begin + at
    size = _END.unpack_from(tail, at)[1]
    archive.seek(max(0, end - _LOCATOR_64.size - _END_64.size))
    before = archive.read(_END_64.size + _LOCATOR_64.size)
    if len(before) == _END_64.size + _LOCATOR_64.size and before[_END_64.size :].startswith(b"PK\x06\x07"):
        size = _END_64.unpack_from(before)[1]
        end -= len(before)
    if end < size:
        raise ValueError("the zip's directory is larger than the file: the file is damaged")
    return end - size, end
