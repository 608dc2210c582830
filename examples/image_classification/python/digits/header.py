"""
What an image says of itself, read before anything is decoded: its size, and whether it is there to its end.

A few kilobytes can promise 20,000 x 20,000 pixels, so the size is judged before a decoder takes memory for them. The
decoders are no help in telling whether the file is whole: each has its own idea of a truncated one. So the bytes are
walked here, by the lengths that the formats give to their parts.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from digits.errors import BadImage, broken, truncated

LEAST_SIDE = 8
MOST_PIXELS = 25_000_000  # 100 MB as the 4 bytes a pixel that decoders take; five at once stay below a gigabyte

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

MARKER = re.compile(rb"\xff[^\x00\xff]")
END = 0xD9
SCAN = 0xDA
ALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # markers without a segment: restarts, the start and the end
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, among which are three of another kind


FRAME_SIZE = 9  # up to the number of components
IHDR_END = 33  # the magic, and the first chunk: a length, a type, 13 bytes, a checksum
CHUNK_HEAD = 8  # a length and a type
CHUNK_FRAME = 12  # these, and a checksum
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each pixel, by the PNG's type of colour
WHOLE = ((0, 0, 1, 1),)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass over a PNG's pixels: where it begins, and its steps across and down."""
INFLATED_AT_ONCE = 1 << 16
LENGTH_SIZE = 2  # a JPEG segment's length counts its own two bytes


class Size(NamedTuple):
    width: int
    height: int


def check(data: bytes) -> Size:
    """
    Demand a whole image of a size that can be classified, and decoded without harm.
    """
    if data.startswith(PNG):
        size = png_size(data)
        require(size)
        require_whole_png(data)
    elif data.startswith(JPEG):
        size, end = jpeg_size(data)
        require(size)
        require_whole_jpeg(data, end)
    else:
        raise BadImage("not an image: expected JPEG or PNG")
    return size


def require(size: Size) -> None:
    if min(size) < LEAST_SIDE:
        raise BadImage(f"the image is too small: {size.width}x{size.height}, at least {LEAST_SIDE}x{LEAST_SIDE}")
    if size.width * size.height > MOST_PIXELS:
        raise BadImage(f"the image is too large: {size.width}x{size.height}, at most {MOST_PIXELS} pixels")


def png_size(data: bytes) -> Size:
    """
    The size stands in the first chunk.
    """
    if len(data) < IHDR_END:
        raise truncated()
    length, kind, width, height = struct.unpack_from(">I4sII", data, len(PNG))
    if (length, kind) != (13, b"IHDR"):
        raise broken("the PNG does not begin with its header, IHDR")
    return Size(width, height)


def require_whole_png(data: bytes) -> None:
    """
    The chunks lead to the last one, IEND, and hold all rows: where rows are missing Pillow says nothing, and leaves
    them black.
    """
    at, kind = len(PNG), b""
    packed = []
    while kind != b"IEND":
        if at + CHUNK_FRAME > len(data):
            raise truncated()
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            packed.append(data[at + CHUNK_HEAD : at + CHUNK_HEAD + length])
        at += CHUNK_FRAME + length
    if at > len(data):
        raise truncated()
    if ends_early(packed, inflated_size(data)):
        raise broken("the PNG has fewer rows than its header says")


def ends_early(packed: Iterable[bytes], size: int) -> bool:
    """
    Tell whether what was *packed* comes to its end within fewer than *size* bytes. It is inflated piece by piece, and
    only so far. What is damaged does not come to its end; the decoder has words for it.
    """
    inflate = zlib.decompressobj()
    try:
        for piece in packed:
            rest, full = piece, True
            while size > 0 and (rest or full):
                limit = min(size, INFLATED_AT_ONCE)
                got = len(inflate.decompress(rest, limit))
                rest, full = inflate.unconsumed_tail, got == limit
                size -= got
    except zlib.error:
        return False
    return inflate.eof and size > 0


def inflated_size(data: bytes) -> int:
    """
    The bytes of all rows: each begins with the number of its filter. An interlaced image has them seven times over,
    each time of other pixels.
    """
    width, height, depth, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, len(PNG) + 8)
    bits = depth * SAMPLES.get(colours, 0)
    return sum(
        rows * (1 + (columns * bits + 7) // 8)
        for left, top, across, down in (ADAM7 if interlaced else WHOLE)
        if (columns := -((left - width) // across)) > 0 and (rows := -((top - height) // down)) > 0
    )


def jpeg_size(data: bytes) -> tuple[Size, int]:
    """
    The size stands in the frame header, and where that ends. The segments before it are walked by their lengths, so
    that the thumbnail which cameras put into one of them is not taken for the image itself.
    """
    at = next_marker(data, len(JPEG) - 1)
    while data[at] not in FRAMES:
        if data[at] in (SCAN, END):
            raise broken("the JPEG has no frame header before its data")
        at = next_marker(data, segment_end(data, at))
    end = segment_end(data, at)
    if end > len(data):
        raise truncated()
    if end < at + FRAME_SIZE:
        raise broken("the JPEG's frame header is too short")
    height, width = struct.unpack_from(">HH", data, at + 4)  # behind the marker, a length and the precision
    return Size(width, height), end


def require_whole_jpeg(data: bytes, at: int) -> None:
    """
    There is an end-of-image marker behind the beginning of the first scan.
    """
    in_scan = False
    at = next_marker(data, at)
    while not (in_scan and data[at] == END):
        in_scan |= data[at] == SCAN
        at = next_marker(data, segment_end(data, at))


def next_marker(data: bytes, at: int) -> int:
    """
    Where the type of the next marker stands, from *at* on. What is none is passed over: a scan's data, in which 0xff is
    followed by a 0, and stray bytes, which decoders forgive as well.
    """
    found = MARKER.search(data, at)
    if found is None:
        raise truncated()
    return found.end() - 1


def segment_end(data: bytes, marker: int) -> int:
    if data[marker] in ALONE:
        return marker + 1
    if marker + 1 + LENGTH_SIZE > len(data):
        raise truncated()
    length = int.from_bytes(data[marker + 1 : marker + 1 + LENGTH_SIZE], "big")
    if length < LENGTH_SIZE:
        raise broken(f"the JPEG's segment at byte {marker - 1} has no length")
    return marker + 1 + length
