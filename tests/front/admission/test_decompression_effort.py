"""
The time that decompression may take for a body of which little comes, and honest bodies of the same kind.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest

from eas_host.front.admission import decompression
from eas_host.front.admission.decompression import QUICK, THOROUGH, Corrupt, Effort, TooMuchWork, decompress
from support.host import StartHost
from support.wire import request

MIB = 1 << 20
LIMIT = 64 * MIB
ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18\x00\x00\x00\x00"
EMPTY_ZSTD = ZSTD_FRAME + b"\x00\x00" + b"\x01\x00\x00"

Case = tuple[str, Callable[[], bytes], str]
EMPTY: dict[str, Case] = {
    "gzip": ("gzip", lambda: gzip.compress(b"", mtime=0) * 100_000, "1000 members"),
    "lz4": ("lz4", lambda: lz4.frame.compress(b"") * 100_000, "1000 members"),
    "lz4, skippable": ("lz4", lambda: lz4.frame.compress(b"x") + (b"\x50" + SKIPPABLE) * 100_000, "1000 members"),
    "zstd, frames": ("zstd", lambda: EMPTY_ZSTD * 100_000, "65536 frames and blocks"),
    "zstd, blocks": ("zstd", lambda: EMPTY_ZSTD[:6] + bytes(3) * 100_000, "65536 frames and blocks"),
    "zstd, skippable": (
        "zstd",
        lambda: cramjam.zstd.compress(b"x").read() + (b"\x5f" + SKIPPABLE) * 100_000,
        "65536 frames and blocks",
    ),
}


@pytest.mark.parametrize(("coding", "make", "words"), EMPTY.values(), ids=EMPTY)
def test_too_many_empty_parts_are_refused(coding: str, make: Callable[[], bytes], words: str) -> None:
    """Empty parts cost time and no room."""
    with pytest.raises(TooMuchWork, match=words):
        decompress(coding, make(), LIMIT)


LINEAR: dict[str, tuple[str, bytes]] = {
    "deflate, stored": ("deflate", b"\x00\x00\x00\xff\xff" * 100_000 + b"\x03\x00"),
    "snappy, framed": ("snappy", b"\xff\x06\x00\x00sNaPpY" * 100_000),
    "snappy, skippable": ("snappy", b"\xff\x06\x00\x00sNaPpY" + b"\xfe\x00\x00\x00" * 100_000),
}


@pytest.mark.parametrize(("coding", "packed"), LINEAR.values(), ids=LINEAR)
def test_empty_parts_that_cost_nanoseconds_are_accepted(coding: str, packed: bytes) -> None:
    assert decompress(coding, packed, LIMIT) == b""


def blocks_with_tables(count: int) -> bytes:
    """Deflate blocks that are empty but for the tables of their codes, which take a microsecond each to build."""
    bits: list[int] = []

    def put(value: int, width: int) -> None:
        bits.extend(value >> bit & 1 for bit in range(width))

    lengths = {18: 1, 1: 2, 0: 2}  # how the codes' own lengths are coded: 18 as 0, 0 as 10, 1 as 11
    for _ in range(8):  # so that the last ends with a byte
        put(0b100, 3)  # not the last, with tables
        put(0, 10)  # 257 codes for literals, 1 for distances
        put(14, 4)
        for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1):
            put(lengths.get(symbol, 0), 3)
        for zeros in (138, 117):
            put(0, 1)
            put(zeros - 11, 7)
        put(0b111111, 6)  # of the literals 255 and 256, and of the distance: 1 bit
        put(1, 1)  # the end of the block
    unit = bytes(sum(bit << at for at, bit in enumerate(bits[i : i + 8])) for i in range(0, len(bits), 8))
    return unit * (count // 8) + b"\x03\x00"


def test_deflate_blocks_of_tables_only_are_stopped_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody counts the blocks of deflate: what they take is timed. What is granted for each byte is left out, since a
    fast core needs less for the bytes of these blocks.
    """
    patient = Effort(1000, 65_536, 3600.0)
    strict = Effort(1000, 65_536, 0.005)  # to begin takes a twentieth of a millisecond, and the blocks 40 of them
    packed = blocks_with_tables(80_000)
    assert decompress("deflate", packed, LIMIT, None, patient) == b""
    with monkeypatch.context() as patched:
        patched.setattr(decompression, "_BYTE_SECONDS", 0.0)
        with pytest.raises(TooMuchWork, match="too long for its size"):
            decompress("deflate", packed, LIMIT, None, strict)
    honest = os.urandom(MIB) + bytes(8 * MIB)
    # With no time to spare it would fail on a machine whose cores are shared, where each byte takes longer.
    assert decompress("gzip", gzip.compress(honest, 6), LIMIT, None, THOROUGH) == honest


@pytest.mark.parametrize("size", [1200, 65_280])
def test_thousands_of_gzip_members_with_data_are_accepted(size: int) -> None:
    """bgzip and those who join files make such bodies."""
    member = os.urandom(size)
    assert decompress("gzip", gzip.compress(member, 1) * 3000, LIMIT * 4) == member * 3000


def test_large_window_in_a_later_zstd_frame_is_refused() -> None:
    """A window takes memory in every frame."""
    packed = cramjam.zstd.compress(b"x").read() + ZSTD_FRAME + bytes([0, 14 << 3]) + b"\x01\x00\x00"
    with pytest.raises(Corrupt, match="window of 16777216"):
        decompress("zstd", packed, LIMIT)


def test_joined_zstd_frames_of_all_kinds_are_accepted() -> None:
    """The frames have or lack size, checksum and several blocks, and there is something to skip between them."""
    data = os.urandom(300_000) + bytes(300_000)
    stream = cramjam.zstd.Compressor()
    stream.compress(data)
    packed = bytes(stream.finish()) + b"\x50" + SKIPPABLE + cramjam.zstd.compress(data).read()
    assert decompress("zstd", packed, LIMIT, None, QUICK) == data * 2


def test_small_body_of_many_members_is_decompressed_by_a_thread(start: StartHost) -> None:
    """Too many to be decompressed while others wait, and few enough for a thread."""
    host = start()
    packed = gzip.compress(b"x") * 500
    assert len(packed) < 16_384
    with pytest.raises(TooMuchWork):
        decompress("gzip", packed, LIMIT, None, QUICK)
    assert decompress("gzip", packed, LIMIT, None, THOROUGH) == b"x" * 500
    with host.connect() as client:
        headers = [("Content-Encoding", "gzip")]
        assert client.send(request(body=packed, headers=headers)).read().body == b"x" * 500
        answer = client.send(request(body=gzip.compress(b"") * 2000, headers=headers)).read()
    assert (answer.status, "more than 1000 members" in answer.text) == (400, True)


def test_data_behind_a_zlib_member_is_refused() -> None:
    """One byte is enough."""
    with pytest.raises(Corrupt, match="something follows its end"):
        decompress("zlib", zlib.compress(b"x") + b"y", LIMIT)
