"""
Compressed bodies (`Content-Encoding`, `rpc.decompressor`): docs/eas-compatibility.md, section 4.4.

A client decides what its body decompresses to, and a few kilobytes can become gigabytes. So the decompressed size that
a format states is believed if it is above the limit, before anything is decompressed; and however small it is, no byte
beyond the limit is kept. zlib and lz4 give their output piece by piece. cramjam writes into a buffer that is one byte
larger than the limit: its pages take memory only when they are written, and the rest of them is given back.

Much work need not make much output: members and blocks that are empty take time all the same. So members, and the
frames and blocks of zstd, are counted, and what zlib and lz4 do is timed (`Effort`). The work of the other formats
grows only with their input.

All three libraries release the GIL while they work, so `decompress` may run in a thread beside the event loop.
"""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from eas_host import answers
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission import zstd

_STEP: Final = 128 * 1024
"""Bytes of input, and of output, at once."""

_FIRST_STEP: Final = 1024
"""Bytes of input first given to a new member: it may be short, and what follows it in the input is copied each time."""

_MEMBER_BYTES: Final = 1024
"""For so many decompressed bytes one more member is allowed. bgzip, which makes most, puts 64 KiB into each."""

_BYTE_SECONDS: Final = 30e-9
"""CPU seconds that are allowed for each byte, compressed or decompressed: about six times what zlib takes."""

_MAX_WINDOW: Final = 8 * 1024 * 1024
"""The most bytes that a zstd decoder has to remember: HTTP allows no more (RFC 9659)."""

_DEFLATE_MAX_RATIO: Final = 1032
_LZ4_MAX_RATIO: Final = 255
_ANY_RATIO: Final = 2**20
"""For the other formats: zstd compresses 128 KiB of one byte into a block of four bytes, and frames may be long."""
_LZ4_FRAME: Final = b"\x04\x22\x4d\x18"
_SNAPPY_FRAMES: Final = b"\xff\x06\x00\x00sNaPpY"
_MAX_DIGITS: Final = 18

_OVERFULL: Final = "failed to write whole buffer"
_UNDERFULL: Final = "failed to fill whole buffer"
"""What Rust says when an output is full, and when an input ends too early."""


class Effort(NamedTuple):
    """
    What decompressing may cost, however little it yields: *members* of the body, *parts* (frames and blocks) of one in
    zstd, CPU *seconds*.
    """

    members: int
    parts: int
    seconds: float


QUICK: Final = Effort(16, 64, 0.001)
"""On the front's thread, while others wait."""
THOROUGH: Final = Effort(1000, 65_536, 0.2)
"""In a thread beside the event loop. zstd puts 128 KiB into a block; a block with tables of its own takes 3 µs."""


class TooLarge(Exception):
    """
    The body decompresses to more than the limit.
    """


class Corrupt(Exception):
    """
    The body is not compressed as it should be; the text says how.
    """


class TooMuchWork(Corrupt):
    """
    Unpacking it takes more than the allowed effort.
    """


def find_content_encoding(fields: dict[bytes, bytes], default: str | None) -> str | ErrorResponse | None:
    """
    Tell how the body that comes with *fields* is compressed: *default* if they do not say it. None if it is not
    compressed; a 415 if the host cannot decompress it.
    """
    value = fields.get(b"content-encoding")
    if value is None:
        return default
    names = [name.strip() for name in value.decode("latin-1").lower().split(",")]
    compressed = [name for name in names if name not in ("", "identity")]
    if not compressed:
        return None
    if len(compressed) == 1 and compressed[0] in _DECOMPRESSORS:
        return compressed[0]
    problem = f"{compressed[0]!r:.100} is unknown" if len(compressed) == 1 else "there are several"
    return ErrorResponse(
        answers.UNKNOWN_CODING,
        f"Content-Encoding: {problem}; send one of {_ACCEPTED}",
        extra=f"Accept-Encoding: {_ACCEPTED}\r\n",
    )


def original_length(fields: dict[bytes, bytes]) -> int | None:
    """
    Read the decompressed size of a raw lz4 block that the client states in X-LZ4-Original-Length, the header in which
    EAS's Java client expects it of an answer.
    """
    text = fields.get(b"x-lz4-original-length", b"").strip()
    return int(text) if text.isdigit() and len(text) <= _MAX_DIGITS else None


def max_decompressed_size(encoding: str, size: int) -> int:
    """
    Return the most bytes that *size* bytes can decompress to.
    """
    return size * _MAX_RATIOS[encoding]


def decompress(
    encoding: str, data: bytes, limit: int, original_length: int | None = None, effort: Effort = THOROUGH
) -> bytes:
    """
    Decompress *data*; an empty body stays empty, as EAS's clients send it. May be called in any thread.

    Args:
        encoding: what `find_content_encoding` found.
        data: the body as it came.
        limit: the most bytes that it may decompress to.
        original_length: the decompressed size, where only the client's headers tell it.
        effort: what it may cost.

    Raises:
        TooLarge: it decompresses to more than *limit*.
        TooMuchWork: it takes more than *effort*.
        Corrupt: it cannot be decompressed.
    """
    problem: Exception
    try:
        return _DECOMPRESSORS[encoding](_Compressed(data, limit, original_length, effort)) if data else b""
    except TooLarge:
        problem = TooLarge()
    except Corrupt as error:
        problem = type(error)(f"{encoding}: {error}")
    try:
        # Raised here, without the frames of the callees, which hold what was decompressed so far.
        raise problem
    finally:
        del problem  # it refers to this frame, which would keep itself and the body until the garbage collector runs


class _Compressed(NamedTuple):
    """
    What is to be decompressed: the arguments of `decompress`.
    """

    data: bytes
    limit: int
    original_length: int | None
    effort: Effort


# -- piece by piece: gzip, zlib, frames of lz4


class _Engine(Protocol):
    """
    What decompresses one member, a piece at a time; the interface of Python's own decompressors.
    """

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: memoryview, max_length: int, /) -> bytes: ...


class _Zlib:
    """
    Gives zlib's decompressor that interface; its own wants what it could not take to be given again.
    """

    needs_input = True

    def __init__(self, form: int) -> None:
        self._engine = zlib.decompressobj(form)
        self.decompress = self._engine.decompress

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unconsumed_tail or self._engine.unused_data


def _gzip(compressed: _Compressed) -> bytes:
    # gzip ends with the decompressed size of its last member, so at least that much comes of it, if the ratio is
    # possible.
    size = int.from_bytes(compressed.data[-4:], "little")
    if size <= len(compressed.data) * _DEFLATE_MAX_RATIO:
        _check_size(size, compressed.limit)
    return _members(compressed, lambda: _Zlib(16 + zlib.MAX_WBITS))


def _zlib(compressed: _Compressed) -> bytes:
    return _members(compressed, lambda: _Zlib(zlib.MAX_WBITS), one=True)


def _deflate(compressed: _Compressed) -> bytes:
    """
    Decompress `deflate`: that means zlib's format, but some clients send raw deflate data (RFC 9110, section 8.4.1.2).
    """
    data = compressed.data
    has_header = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
    return _members(compressed, lambda: _Zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS), one=True)


def _lz4_frames(compressed: _Compressed) -> bytes:
    from lz4.frame import LZ4FrameDecompressor  # noqa: PLC0415  most hosts never need it

    data = compressed.data
    has_size = len(data) > len(_LZ4_FRAME) and data[4] & 0x08
    _check_size(int.from_bytes(data[6:14], "little") if has_size else 0, compressed.limit)
    return _members(compressed, LZ4FrameDecompressor)


def _members(compressed: _Compressed, make: Callable[[], _Engine], *, one: bool = False) -> bytes:
    """
    Decompress the members that the body consists of. *one*: there may be only one.
    """
    out = io.BytesIO()
    rest = memoryview(compressed.data)
    end = time.thread_time() + compressed.effort.seconds
    members = 0
    while rest:
        if one and members:
            raise Corrupt("something follows its end")
        most = compressed.effort.members + out.tell() // _MEMBER_BYTES
        if members == most:
            raise TooMuchWork(f"it has more than {most} members")
        try:
            rest = _member(rest, compressed, make(), out, end)
        except (zlib.error, RuntimeError) as error:  # lz4 raises RuntimeError
            raise Corrupt(_reason(error)) from error
        members += 1
    return out.getvalue()


def _member(rest: memoryview, compressed: _Compressed, engine: _Engine, out: io.BytesIO, end: float) -> memoryview:
    """
    Decompress the first member of *rest* into *out*, and return what follows it. *end* is the thread's CPU time at
    which it must be done, without what each byte may take in addition.
    """
    step = _FIRST_STEP
    while not engine.eof:
        needs_input = engine.needs_input
        given = rest[:step] if needs_input else rest[:0]
        got = engine.decompress(given, _STEP)
        if needs_input and not given and not got:
            raise Corrupt("it is cut short")
        if out.tell() + len(got) > compressed.limit:
            raise TooLarge
        out.write(got)
        rest = rest[len(given) - len(engine.unused_data or b"") :]
        if time.thread_time() > end + (len(compressed.data) - len(rest) + out.tell()) * _BYTE_SECONDS:
            raise TooMuchWork("decompressing it takes too long for its size")
        step = min(2 * step, _STEP)
    return rest


# -- at once: snappy, blocks of lz4, zstd


def _snappy(compressed: _Compressed) -> bytes:
    import cramjam  # noqa: PLC0415  most hosts never need it

    data = compressed.data
    if data.startswith(_SNAPPY_FRAMES):
        return _fill(cramjam.snappy.decompress_into, data, compressed.limit)
    try:
        size = cramjam.snappy.decompress_raw_len(data)
    except cramjam.DecompressionError as error:
        raise Corrupt(_reason(error)) from error
    _check_size(size, compressed.limit)
    return _fill(cramjam.snappy.decompress_raw_into, data, size)


def _lz4(compressed: _Compressed) -> bytes:
    data, limit, length, _ = compressed
    if data.startswith(_LZ4_FRAME):
        return _lz4_frames(compressed)
    if length is not None:
        _check_size(length, limit)
    # A raw block does not state its size, and the library does not tell what is corrupt from what does not fit. But
    # what does not fit into the most that it can decompress to is corrupt.
    most = len(data) * _LZ4_MAX_RATIO
    try:
        return _fill(_lz4_block_into, data, min(most, limit if length is None else length))
    except (TooLarge, Corrupt) as error:
        if length is None and most > limit:
            raise TooLarge from error
        expected = "" if length is None else f" of {length} bytes (X-LZ4-Original-Length)"
        raise Corrupt(f"it is neither a frame nor a block{expected}") from error


def _lz4_block_into(data: bytes, buffer: memoryview) -> int:
    import cramjam  # noqa: PLC0415  most hosts never need it

    return cramjam.lz4.decompress_block_into(data, buffer, len(buffer))


def _zstd(compressed: _Compressed) -> bytes:
    import cramjam  # noqa: PLC0415  most hosts never need it

    data = compressed.data
    first = zstd.read_frame(data)
    if first is not None:
        _check_size(first.size, compressed.limit)
    most = compressed.effort.parts
    try:
        window, count = zstd.survey(data, most)
    except ValueError as error:
        raise Corrupt(str(error)) from None
    if window > _MAX_WINDOW:
        raise Corrupt(f"it needs a window of {window} bytes; HTTP allows {_MAX_WINDOW} (RFC 9659)")
    if count > most:
        raise TooMuchWork(f"it has more than {most} frames and blocks")
    return _fill(cramjam.zstd.decompress_into, data, compressed.limit)


def _fill(decompress_into: Callable[[bytes, memoryview], int], data: bytes, limit: int) -> bytes:
    """
    Have *data* decompressed into a buffer, of which only what is written takes memory, and return what was written.
    """
    from cramjam import DecompressionError  # noqa: PLC0415  most hosts never need it

    # `bytes` takes its zeros from the kernel, and BytesIO neither copies what it is given nor what it gives away.
    out = io.BytesIO(bytes(limit + 1))
    try:
        with out.getbuffer() as buffer:
            size = decompress_into(data, buffer)
    except DecompressionError as error:
        if _OVERFULL in str(error):
            raise TooLarge from error
        raise Corrupt(_reason(error)) from error
    if size > limit:
        raise TooLarge
    out.truncate(size)
    return out.getvalue()


# -- what they have in common


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge


def _reason(error: Exception) -> str:
    """
    Return what a library says in one line, cut to 200 characters.
    """
    text = " ".join(str(error).split())
    return "it is cut short" if text == _UNDERFULL else text.rpartition("data: ")[2][:200]


_DECOMPRESSORS: Final[dict[str, Callable[[_Compressed], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zlib": _zlib,
    "deflate": _deflate,
    "snappy": _snappy,
    "x-snappy-framed": _snappy,
    "lz4": _lz4,
    "zstd": _zstd,
}
_MAX_RATIOS: Final = dict.fromkeys(_DECOMPRESSORS, _ANY_RATIO) | {
    **dict.fromkeys(("gzip", "x-gzip", "zlib", "deflate"), _DEFLATE_MAX_RATIO),
    "lz4": _LZ4_MAX_RATIO,
}
_ACCEPTED: Final = "gzip, deflate, zlib, snappy, lz4, zstd"
