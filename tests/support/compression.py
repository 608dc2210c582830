"""
Compressors for bodies, for each encoding that the host decompresses.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import cramjam

FAST = 1
"""The level of zlib: what a body is packed into does not matter here, and 64 MiB take seconds at a higher one."""


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(FAST, wbits=-zlib.MAX_WBITS)
    return engine.compress(data) + engine.flush()


def raw_lz4(data: bytes) -> bytes:
    return bytes(cramjam.lz4.compress_block(data, store_size=False))


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", lambda data: gzip.compress(data, FAST)),
    "zlib": ("zlib", lambda data: zlib.compress(data, FAST)),
    "deflate": ("deflate", lambda data: zlib.compress(data, FAST)),
    "deflate, raw": ("deflate", raw_deflate),
    "snappy": ("snappy", lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy, framed": ("snappy", lambda data: bytes(cramjam.snappy.compress(data))),
    "lz4": ("lz4", lambda data: bytes(cramjam.lz4.compress(data))),
    "lz4, raw": ("lz4", raw_lz4),
    "zstd": ("zstd", lambda data: bytes(cramjam.zstd.compress(data))),
}
