"""
Tells from a file's content and name whether it is an archive, and which.

The content decides of which type an archive is: a `.tar.gz` that is called `.zip` is a tar.gz. The name decides whether
the file is meant to be unpacked at all, because many formats are a zip or a tar inside: jars, wheels, `.npz`, `.pt`,
`.keras`, `.nemo`. So a file counts as an archive if its content is an archive, and its name has the ending of an
archive or no ending that says anything. Every other file is used as it is.
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
"""How a zip begins: with its first member, or with the end record if it has no members."""

_COMPRESSIONS: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_TAR_ENDING: Final = re.compile(r"\.(tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
_ARCHIVE_ENDING: Final = re.compile(r"\.(tar|gz|bz2|xz|zst|tgz|tbz2?|txz|tzst|zip)$", re.IGNORECASE)
_TORCH_ENDING: Final = re.compile(r"\.pth?\.tar$", re.IGNORECASE)  # PyTorch users call weights so; they are no tar
_OTHER_ENDING: Final = re.compile(r"\.[0-9]*[A-Za-z_][0-9A-Za-z_]*$")  # the `.2` of `package-1.2` is no ending

_CHUNK: Final = 64 * 1024
_MAX_READ: Final = 4 * 1024 * 1024
"""How many bytes are read to decompress the first block. bzip2 needs most: it packs up to 900 kB at once."""


def detect(path: Path) -> str | None:
    """
    Detect the archive type of the file *path*: tar, tar.gz, tar.bz2, tar.xz, tar.zst or zip; None if it is to be used
    as it is.

    Raises:
        EntryInvalid: it cannot be read.
    """
    if not path.is_file() or not _may_be_archive(path.name):
        return None
    try:
        with path.open("rb") as file:
            return _detect(file, bool(_TAR_ENDING.search(path.name)))
    except OSError as error:
        raise EntryInvalid(f"{path}: cannot be read: {error.strerror}") from error


def _may_be_archive(name: str) -> bool:
    if _TORCH_ENDING.search(name):
        return False
    return bool(_ARCHIVE_ENDING.search(name)) or not _OTHER_ENDING.search(name)


def _detect(file: BinaryIO, called_tar: bool) -> str | None:
    head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_ZIP):
        return "zip"
    for magic, compression in _COMPRESSIONS.items():
        if head.startswith(magic):
            file.seek(0)
            block = b"" if compression == "zst" else _first_block(file, compression)
            return f"tar.{compression}" if _is_tar(block, called_tar) else None
    # A file that is too short for a tar counts as one only if its name says so.
    return "tar" if head and _is_tar(head, called_tar) and (called_tar or len(head) == tarfile.BLOCKSIZE) else None


def _is_tar(block: bytes, called_tar: bool) -> bool:
    """
    Tell whether *block* begins a tar. A block that is cut short, or all zeros as in a tar without members, proves
    nothing. Then the name decides, so that a broken download is reported as a broken archive.
    """
    if len(block) < tarfile.BLOCKSIZE or not any(block):
        return called_tar
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _first_block(file: BinaryIO, compression: str) -> bytes:
    """
    Decompress the first block of *file*, or less if the file is broken before.
    """
    decompress = _decompressor(compression)
    block = b""
    try:
        while len(block) < tarfile.BLOCKSIZE and file.tell() < _MAX_READ and (data := file.read(_CHUNK)):
            block += decompress(data, tarfile.BLOCKSIZE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        return block
    return block[: tarfile.BLOCKSIZE]


def _decompressor(compression: str) -> Callable[[bytes, int], bytes]:
    if compression == "gz":
        return zlib.decompressobj(wbits=31).decompress  # 31: with a gzip header
    return bz2.BZ2Decompressor().decompress if compression == "bz2" else lzma.LZMADecompressor().decompress
