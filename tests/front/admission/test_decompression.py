"""
Compressed bodies: which are decompressed, which are refused, and that a bomb costs neither memory nor the service.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from collections.abc import Callable

import cramjam
import pytest

from eas_host.cli.options import read_config
from eas_host.dispatch.responses import ErrorResponse
from eas_host.errors import ConfigError
from eas_host.front.admission.decompression import Corrupt, TooLarge, decompress, find_content_encoding, original_length
from support.columns import columns
from support.compression import PACKERS, raw_lz4
from support.host import Host, StartHost
from support.wire import Response, chunked, request

MIB = 1 << 20
LIMIT = 64 * MIB
HOST_OPTIONS = {"max_body": "64MiB", "keepalive": 60_000}
DATA = b"the quick brown fox jumps over the lazy dog; " * 4


CODINGS = ("gzip", "deflate", "zlib", "snappy", "lz4", "zstd")
each_packer = pytest.mark.parametrize(("coding", "pack"), PACKERS.values(), ids=PACKERS)

# DATA, packed by other libraries than the one that unpacks it: those that other clients use.
FOREIGN = {
    "lz4, with checksums, without its size": (
        "lz4",
        "BCJNGHRAvTkAAADwEHRoZSBxdWljayBicm93biBmb3gganVtcHMgb3ZlciAfAJFsYXp5IGRvZzsOAA8tAGtQZG9nOyADz4h9AAAAAGelMXQ=",
    ),
    "lz4, with its size": (
        "lz4",
        "BCJNGGhAtAAAAAAAAAC3OQAAAPAQdGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIB8AkWxhenkgZG9nOw4ADy0Aa1Bkb2c7IAAAAAA=",
    ),
    "lz4, raw": ("lz4", "8BB0aGUgcXVpY2sgYnJvd24gZm94IGp1bXBzIG92ZXIgHwCRbGF6eSBkb2c7DgAPLQBrUGRvZzsg"),
    "zstd": ("zstd", "KLUv/SC0vQEAxAJ0aGUgcXVpY2sgYnJvd24gZm94IGp1bXBzIG92ZXIgdGhlIGxhenkgZG9nOwIAAKgIMNpZBg=="),
    "zstd, with a checksum, without its size": (
        "zstd",
        "KLUv/QRYvQEAxAJ0aGUgcXVpY2sgYnJvd24gZm94IGp1bXBzIG92ZXIgdGhlIGxhenkgZG9nOwIAAKgIMNpZBpyAYks=",
    ),
}


# In the small: what is unpacked.


@each_packer
@pytest.mark.parametrize("size", [1, 100, 128 * 1024, 128 * 1024 + 1, 3 * MIB])
def test_body_is_decompressed_up_to_exactly_the_limit(coding: str, pack: Callable[[bytes], bytes], size: int) -> None:
    """A limit that is one byte lower is too low."""
    data = (DATA * (size // len(DATA) + 1))[:size]
    packed = pack(data)
    for room in (size, size + 1, LIMIT):
        assert decompress(coding, packed, room) == data
    for room in (size - 1, 0):
        with pytest.raises(TooLarge):
            decompress(coding, packed, room)


@each_packer
def test_hardly_compressible_body_is_decompressed(coding: str, pack: Callable[[bytes], bytes]) -> None:
    """The pieces that are taken end inside of what the format calls a block."""
    data = b"".join(hashlib.sha256(b"%d" % number).digest() + DATA[:40] for number in range(20_000))
    assert decompress(coding, pack(data), len(data)) == data


@pytest.mark.parametrize(("coding", "text"), FOREIGN.values(), ids=FOREIGN)
def test_body_compressed_by_another_library_is_decompressed(coding: str, text: str) -> None:
    assert decompress(coding, base64.b64decode(text), len(DATA)) == DATA


@pytest.mark.parametrize("coding", CODINGS)
def test_empty_body_counts_as_decompressed(coding: str) -> None:
    """EAS's clients do not compress what is empty."""
    assert decompress(coding, b"", LIMIT) == b""


@each_packer
def test_compressed_empty_body_is_empty(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert decompress(coding, pack(b""), LIMIT) == b""


@pytest.mark.parametrize("name", ["gzip", "snappy, framed", "lz4", "zstd"])
def test_joined_members_are_decompressed_under_one_limit(name: str) -> None:
    """Files of these formats may be joined."""
    coding, pack = PACKERS[name]
    packed = pack(DATA) + pack(b"") + pack(b"-") + pack(DATA)
    assert decompress(coding, packed, LIMIT) == DATA + b"-" + DATA
    with pytest.raises(TooLarge):
        decompress(coding, packed, 2 * len(DATA))


@each_packer
def test_truncated_body_is_refused_wherever_it_is_cut(coding: str, pack: Callable[[bytes], bytes]) -> None:
    """Only a raw block of lz4 has no end: its client can say how long it is."""
    packed = pack(DATA)
    for end in range(1, len(packed)):
        if pack is raw_lz4:
            assert DATA.startswith(unpacked_or_nothing(packed[:end]))
            continue
        if packed[:end] in _WHOLE:
            continue
        with pytest.raises(Corrupt, match=rf"^{coding}: .+$"):
            decompress(coding, packed[:end], LIMIT)


def unpacked_or_nothing(packed: bytes) -> bytes:
    try:
        return decompress("lz4", packed, LIMIT)
    except Corrupt:
        return b""


_WHOLE = (b"\x04", b"\xff\x06\x00\x00sNaPpY")
"""What is nothing, packed: an empty block of lz4, and the identifier of a framed snappy stream."""


@each_packer
def test_data_behind_the_end_is_refused(coding: str, pack: Callable[[bytes], bytes]) -> None:
    for more in (b"\0", b"something else", DATA):
        with pytest.raises((Corrupt, TooLarge)):
            decompress(coding, pack(DATA) + more, 10 * len(DATA))


@each_packer
def test_damaged_body_never_exceeds_the_limit_or_crashes(coding: str, pack: Callable[[bytes], bytes]) -> None:
    """Each byte is damaged in turn: the result is an error of ours, or some data within the limit."""
    packed = pack(DATA)
    for at in range(len(packed)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(packed)
            damaged[at] ^= flip
            try:
                assert len(decompress(coding, bytes(damaged), 2 * len(DATA))) <= 2 * len(DATA)
            except (Corrupt, TooLarge):
                pass


@pytest.mark.parametrize("coding", [name for name in CODINGS if name != "lz4"])  # almost anything is a raw block
@pytest.mark.parametrize("text", [b"plain text, as it is", b'{"a": 1}', b"\n", b"\0" * 40, b"\xff" * 40, b"10 20"])
def test_body_that_is_not_compressed_is_called_corrupt(coding: str, text: bytes) -> None:
    """The commonest mistake: it is not called too large, whatever its bytes would mean as a size."""
    with pytest.raises((Corrupt, TooLarge) if coding == "snappy" else Corrupt):
        decompress(coding, text, LIMIT)


def test_length_given_for_a_raw_lz4_block_is_its_limit() -> None:
    """The block is not made longer to reach it."""
    packed = raw_lz4(DATA)
    assert decompress("lz4", packed, LIMIT, len(DATA)) == DATA
    with pytest.raises(Corrupt):
        decompress("lz4", packed, LIMIT, len(DATA) - 1)
    for wrong in (LIMIT + 1, 10**18):
        with pytest.raises(TooLarge):
            decompress("lz4", packed, LIMIT, wrong)
    headers = {b"": None, b"180": 180, b"-1": None, b"x": None, b"9" * 18: int("9" * 18), b"9" * 5000: None}
    for text, length in headers.items():
        assert original_length({b"x-lz4-original-length": text}) == length
    assert original_length({}) is None


def test_too_many_empty_members_are_refused() -> None:
    """Empty members cost time, but no room."""
    for coding, pack in (PACKERS["gzip"], PACKERS["lz4"]):
        with pytest.raises(Corrupt, match="members"):
            decompress(coding, pack(b"") * 100_001, LIMIT)


def test_zstd_window_above_8_mib_is_refused() -> None:
    """A decoder holds the window in memory; HTTP allows 8 MiB (RFC 9659)."""
    block = (1 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"a"  # the last one: "a" once
    for exponent, fits in ((10, True), (13, True), (14, False), (21, False)):
        frame = b"\x28\xb5\x2f\xfd\x00" + bytes([exponent << 3]) + block
        if fits:
            assert decompress("zstd", frame, LIMIT) == b"a"
        else:
            with pytest.raises(Corrupt, match="window"):
                decompress("zstd", frame, LIMIT)


# In the small: which coding it is.


OLD_ZSTD = {
    "0.5": b"\x25\xb5\x2f\xfd\x00\x40\x00\x01a\xc0\x00\x00",
    "0.6": b"\x26\xb5\x2f\xfd\x00\x40\x00\x01a\xc0\x00\x00",
    "0.7": b"\x27\xb5\x2f\xfd\x20\x01\x40\x00\x01a\xc0\x00\x00",
}


@pytest.mark.parametrize("version", OLD_ZSTD)
@pytest.mark.parametrize("before", [b"", cramjam.zstd.compress(b"first").read()], ids=["first", "second"])
def test_zstd_frame_before_version_0_8_is_refused(version: str, before: bytes) -> None:
    """The headers, by which the memory and the work are bounded, were others then."""
    with pytest.raises(Corrupt, match=r"version of zstd before 0\.8"):
        decompress("zstd", before + OLD_ZSTD[version], LIMIT)


@pytest.mark.parametrize(
    ("value", "default", "coding"),
    [
        (None, None, None),
        (None, "lz4", "lz4"),
        ("gzip", "lz4", "gzip"),
        ("X-GZip", None, "x-gzip"),
        (" zstd ", None, "zstd"),
        ("identity", "gzip", None),
        ("", None, None),
        ("identity, gzip", None, "gzip"),
        ("Snappy", None, "snappy"),
    ],
)
def test_content_encoding_of_the_request_wins_over_the_default(
    value: str | None, default: str | None, coding: str | None
) -> None:
    """identity says that the body is not compressed."""
    fields = {} if value is None else {b"content-encoding": value.encode()}
    assert find_content_encoding(fields, default) == coding


@pytest.mark.parametrize("value", ["br", "gzip, gzip", "gzip, zstd", "gzip;q=1", "\xff", "x" * 30_000])
def test_unknown_content_encoding_answers_415_with_those_accepted(value: str) -> None:
    refusal = find_content_encoding({b"content-encoding": value.encode("latin-1")}, None)
    assert isinstance(refusal, ErrorResponse)
    assert (refusal.status, len(refusal.text) < 300, "\n" in refusal.text) == (415, True, False)
    assert refusal.extra == "Accept-Encoding: gzip, deflate, zlib, snappy, lz4, zstd\r\n"


def test_decompressor_option_accepts_every_encoding_and_none() -> None:
    for name in ("gzip", "zlib", "snappy", "lz4", "zstd"):
        coding = read_config(["--decompressor", name], {}).decompressor
        assert coding == name
        assert decompress(coding, b"", LIMIT) == b""
    assert read_config([], {"EAS_HOST_DECOMPRESSOR": "GZIP"}).decompressor == "gzip"
    assert read_config(["--decompressor", "none"], {}).decompressor is None
    with pytest.raises(ConfigError, match="gzip, zlib, snappy, lz4, zstd or none"):
        read_config(["--decompressor", "br"], {})


# Over the wire.


def send(host: Host, packed: bytes, *headers: tuple[str, str], pieces: int = 0) -> Response:
    with host.connect() as client:
        if not pieces:
            return client.send(request("POST", "/x", packed, headers)).read()
        head = request("POST", "/x", None, [*headers, ("Transfer-Encoding", "chunked")])
        return client.send(head + chunked(packed, pieces)).read()


@columns("cpp-process")
@pytest.mark.parametrize("size", [0, 10, 100_000, 5 * MIB])
@each_packer
def test_processor_gets_the_decompressed_body(
    host: Host, coding: str, pack: Callable[[bytes], bytes], size: int
) -> None:
    """The body may be large, and come in many pieces."""
    data = (DATA * (size // len(DATA) + 1))[:size]
    assert send(host, pack(data), ("Content-Encoding", coding)).body == data
    assert send(host, pack(data), ("Content-Encoding", coding), pieces=1000).body == data


@columns("cpp-process")
def test_body_without_content_encoding_reaches_the_processor_unchanged(host: Host) -> None:
    for headers in ([], [("Content-Encoding", "identity")]):
        assert send(host, gzip.compress(DATA), *headers).body == gzip.compress(DATA)
    assert send(host, b"", ("Content-Encoding", "gzip")).body == b""


@columns("cpp-process")
def test_wrongly_compressed_body_answers_400_or_415_and_keeps_the_connection(host: Host) -> None:
    """One line says what is wrong."""
    with host.connect() as client:
        for body, coding, status, word in (
            (b"plain text", "gzip", 400, "gzip"),
            (zlib.compress(DATA)[:-3], "zlib", 400, "cut short"),
            (b"x" * 100_000, "zstd", 400, "zstd"),
            (DATA, "br", 415, "br"),
            (DATA, "gzip, zstd", 415, "several"),
        ):
            answer = client.send(request(body=body, headers=[("Content-Encoding", coding)])).read()
            assert (answer.status, word in answer.text, answer.text.count("\n")) == (status, True, 1), answer
            assert (answer.get("Accept-Encoding") is not None) == (status == 415)
        assert client.call(b"x").body == b"x"


@columns("cpp-process")
def test_content_encoding_counts_for_its_own_request_only(host: Host) -> None:
    """All requests come on one connection."""
    with host.connect() as client:
        for _ in range(2):
            assert client.send(request(body=DATA)).read().body == DATA
            packed = request(body=gzip.compress(DATA), headers=[("Content-Encoding", "gzip")])
            assert client.send(packed).read().body == DATA
            assert client.send(packed).read().body == DATA


def test_default_decompressor_counts_where_the_request_names_no_encoding(start: StartHost) -> None:
    """Go's client compresses without saying so; an empty body is left as it is."""
    host = start(decompressor="zlib")
    assert send(host, zlib.compress(DATA)).body == DATA
    assert send(host, gzip.compress(DATA), ("Content-Encoding", "gzip")).body == DATA
    assert send(host, DATA, ("Content-Encoding", "identity")).body == DATA
    assert host.call(b"").body == b""
    assert host.call(None, method="GET").body == b""
    assert host.call(b"plain text").status == 400
