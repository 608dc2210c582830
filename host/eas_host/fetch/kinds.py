"""
Which files are archives.

The content decides what an archive is packed with: a `.tar.gz` that is called `.zip` is a tar.gz. The name decides
whether it is meant to be unpacked at all, because many formats are a zip or a tar inside: jars, wheels, `.npz`, `.pt`,
`.keras`, `.nemo`. So a file counts as an archive if its content is one, and its name ends as archives' names do or has
no ending that tells anything. Every other file is used as it is.
"""

from __future__ import annotations

import bz2
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from eas_host.errors import EntryInvalid

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""A zip's first member; a zip without members."""

_PACKED: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_TAR_ENDING: Final = re.compile(r"\.(tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
_ARCHIVE_ENDING: Final = re.compile(r"\.(tar|gz|bz2|xz|zst|tgz|tbz2?|txz|tzst|zip)$", re.IGNORECASE)
_TORCH_ENDING: Final = re.compile(r"\.pth?\.tar$", re.IGNORECASE)  # PyTorch's habit; no tar at all
_TELLING_ENDING: Final = re.compile(r"\.[0-9]*[A-Za-z_][0-9A-Za-z_]*$")  # not that of `package-1.2`

_STEP: Final = 64 * 1024
_MOST: Final = 4 * 1024 * 1024
"""Bytes that are read to unpack one block. bzip2 needs most: it packs up to 900 kB at once."""


def kind(path: Path) -> str | None:
    """
    Tell how to unpack the file at *path*: tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip. None: use it as it is.

    Raises:
        EntryInvalid: it cannot be read.
    """
    if not path.is_file() or not _may_be_archive(path.name):
        return None
    try:
        with path.open("rb") as file:
            return _kind_of(file, bool(_TAR_ENDING.search(path.name)))
    except OSError as error:
        raise EntryInvalid(f"{path}: cannot be read: {error.strerror}") from error


def _may_be_archive(name: str) -> bool:
    if _TORCH_ENDING.search(name):
        return False
    return bool(_ARCHIVE_ENDING.search(name)) or not _TELLING_ENDING.search(name)


def _kind_of(file: BinaryIO, called_tar: bool) -> str | None:
    head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_ZIP):
        return "zip"
    for magic, packed in _PACKED.items():
        if head.startswith(magic):
            file.seek(0)
            block = b"" if packed == "zst" else _first_block(file, packed)
            return f"tar.{packed}" if _is_tar(block, called_tar) else None
    # Bytes that are too few for a tar have lost nothing: what they are called is all that they are.
    return "tar" if head and _is_tar(head, called_tar) and (called_tar or len(head) == tarfile.BLOCKSIZE) else None


def _is_tar(block: bytes, called_tar: bool) -> bool:
    """
    Tell whether *block* begins a tar. A block that is cut short, or empty as that of a tar without members, tells
    nothing; then the name is believed, so that a broken download is called broken.
    """
    if len(block) < tarfile.BLOCKSIZE or not any(block):
        return called_tar
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _first_block(file: BinaryIO, packed: str) -> bytes:
    """
    Unpack the first block of what *file* holds, or less if the file is broken before.
    """
    step = _unpacker(packed)
    block = b""
    try:
        while len(block) < tarfile.BLOCKSIZE and file.tell() < _MOST and (data := file.read(_STEP)):
            block += step(data, tarfile.BLOCKSIZE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        return block
    return block[: tarfile.BLOCKSIZE]


def _unpacker(packed: str) -> Callable[[bytes, int], bytes]:
    if packed == "gz":
        return zlib.decompressobj(wbits=31).decompress  # 31: with gzip's frame
    return bz2.BZ2Decompressor().decompress if packed == "bz2" else lzma.LZMADecompressor().decompress
