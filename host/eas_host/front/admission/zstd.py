"""
What the headers in a zstd body tell before any of it is decompressed (RFC 8878, section 3.1).

The library decompresses all at once and cannot be stopped, and a block of a dozen bytes may bring tables that take it
microseconds to build. So the headers of all frames and blocks are read first, and they must be few.
"""

from __future__ import annotations

from typing import Final, NamedTuple

FRAME: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_SKIPPABLE_FIRST: Final = 0x50
"""The byte before `_SKIPPABLE`; its lower four bits may be anything."""
_BLOCK_HEADER: Final = 3
_RLE: Final = 1
_CHECKSUM: Final = 4
_SMALLEST_WINDOW: Final = 10


class Frame(NamedTuple):
    """
    A frame's header.

    Attributes:
        window: bytes that its decoder must remember.
        size: the decompressed size in bytes; 0 if that is not stated.
        blocks_at: where its first block begins.
        checksum: whether a checksum follows the last block.
    """

    window: int
    size: int
    blocks_at: int
    checksum: bool


def read_frame(data: bytes, at: int = 0) -> Frame | None:
    """
    Read the header of the frame at *at*; None if none is there, or not all of it.
    """
    if data[at : at + 4] != FRAME or len(data) < at + 6:
        return None
    descriptor = data[at + 4]
    single = descriptor & 0x20
    window = 0
    at += 5
    if not single:
        exponent, mantissa = data[at] >> 3, data[at] & 0x07
        window = (8 + mantissa) << (_SMALLEST_WINDOW - 3 + exponent)
        at += 1
    at += (0, 1, 2, 4)[descriptor & 0x03]
    width, least = ((1 if single else 0, 0), (2, 256), (4, 0), (8, 0))[descriptor >> 6]
    size = int.from_bytes(data[at : at + width], "little") + least if width else 0
    return Frame(size if single else window, size, at + width, bool(descriptor & 0x04))


def survey(data: bytes, most: int) -> tuple[int, int]:
    """
    Read all headers in *data*, until there are more than *most*, or until something is no header: the library reports
    that.

    Returns:
        The largest window of a frame, and how many frames and blocks there are.

    Raises:
        ValueError: a frame is of a format from before RFC 8878. The library reads some of these formats, but their
            headers are different, so nothing would bound its work.
    """
    window = count = at = 0
    while at < len(data) and count <= most:
        count += 1
        if data[at + 1 : at + 4] == _SKIPPABLE and data[at] & 0xF0 == _SKIPPABLE_FIRST:
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            continue
        if data[at + 1 : at + 4] == FRAME[1:] and data[at] != FRAME[0]:
            raise ValueError("it is of a version of zstd before 0.8, which RFC 8878 does not know")
        frame = read_frame(data, at)
        if frame is None:
            break
        window = max(window, frame.window)
        at = frame.blocks_at
        last = False
        while not last and at < len(data) and count <= most:
            header = int.from_bytes(data[at : at + _BLOCK_HEADER], "little")
            last = bool(header & 1)
            at += _BLOCK_HEADER + (1 if header >> 1 & 3 == _RLE else header >> 3)
            count += 1
        at += _CHECKSUM if frame.checksum else 0
    return window, count
