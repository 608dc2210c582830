"""
Reads a tar in one pass, packed or not, and hands its members to a tree.

`tarfile` reads the headers; the bytes come from a stream that only goes forward. That stream is also where the archive
is kept honest: a header cannot ask for more memory than it should, a size below zero would mean to go back, and the
end must be the end that tar writes, because `tarfile` takes a file that is cut between two members for a whole one.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import sys
import tarfile
import zlib
from collections.abc import Callable
from typing import IO, BinaryIO, Final, cast

from eas_host.fetch.disk import write
from eas_host.fetch.tree import Refused, Tree, shown

_CHUNK: Final = 1 << 20
_MAX_HEADERS: Final = 1 << 20  # of one member; with the longest names they are 10 KiB, with extended attributes 100
_MAX_GLOBALS: Final = 100  # git writes one, the commit
_END: Final = b"\0" * tarfile.BLOCKSIZE

BROKEN: Final = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError)
"""What reading a damaged tar raises; `bz2` raises an OSError without a number."""


def unpack_tar(archive: BinaryIO, packing: str, tree: Tree) -> None:
    """
    Put the members of *archive* into *tree*. *packing* is "", gz, bz2, xz or zst.

    Raises:
        Refused: a member is not allowed, or the archive is broken.
    """
    stream = _Forward(_plain(archive, packing), tree)
    try:
        with tarfile.TarFile(fileobj=cast("IO[bytes]", stream), encoding="utf-8", errors="surrogateescape") as tar:
            while (member := tar.next()) is not None:
                stream.begin(member.name)
                tar.members.clear()  # type: ignore[attr-defined]  # it keeps all that it has seen
                if len(tar.pax_headers) > _MAX_GLOBALS:
                    raise Refused(member.name, "comes after too many headers that are for all members")
                _put(member, stream, tree)
    except RecursionError as error:
        raise Refused(stream.member, "is followed by headers upon headers") from error
    if stream.last != _END:
        raise Refused(stream.member, "is the last, and the tar's end is missing after it: the file is cut short")
    stream.drain()


def _plain(archive: BinaryIO, packing: str) -> BinaryIO:
    """
    What *archive* holds once it is unpacked. Most headers are read from a buffer: the decompressors are slow to call.
    """
    openers: dict[str, Callable[[BinaryIO], IO[bytes]]] = {
        "gz": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
        "bz2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
        "zst": _open_zstd,
    }
    if not packing:
        return archive
    return io.BufferedReader(cast("io.RawIOBase", openers[packing](archive)), _CHUNK)


def _open_zstd(archive: BinaryIO) -> IO[bytes]:
    if sys.version_info < (3, 14):
        raise Refused("", "zstd needs Python 3.14; pack it with gzip instead")
    zstd = importlib.import_module("compression.zstd")  # which older ones do not have
    return cast("IO[bytes]", zstd.ZstdFile(archive))


class _Forward:
    """
    What `tarfile` and the copying read from. It knows which member it is at, and the last block that was read.
    """

    def __init__(self, source: BinaryIO, tree: Tree) -> None:
        self._source = source
        self._tree = tree
        self._at = 0
        self._headers = 0
        self.member = ""
        self.last = b""

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        """
        Go forward to *position*.
        """
        if position < self._at:
            raise Refused(self.member, "has a size that cannot be")
        while self._at < position and self._take(min(position - self._at, _CHUNK)):
            pass
        return self._at

    def begin(self, member: str) -> None:
        """
        Be at the content of *member*, whose headers were read.
        """
        self.member = member
        self._headers = 0

    def read(self, size: int) -> bytes:
        """
        Read *size* bytes of headers, or what is left.
        """
        self._headers += size
        if size < 0 or self._headers > _MAX_HEADERS:
            raise Refused(self.member, f"is followed by headers of {self._headers:,} bytes")
        return self._take(size)

    def drain(self) -> None:
        """
        Read all that is left: what is packed has its checksum at its end.
        """
        while self._take(_CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        self._at += len(data)
        self._tree.take(self.member, len(data))
        self.last = data
        return data

    def copy(self, size: int, file: int) -> None:
        """
        Write the next *size* bytes to the descriptor *file*.
        """
        while size:
            data = self._take(min(size, _CHUNK))
            if not data:
                raise Refused(self.member, "is cut short")
            size -= len(data)
            write(file, data)


def _put(member: tarfile.TarInfo, stream: _Forward, tree: Tree) -> None:
    if member.size < 0:
        raise Refused(member.name, "has a size that cannot be")
    if member.isreg():
        with tree.file(member.name, member.mode, float(member.mtime)) as file:
            if member.sparse is None:
                stream.copy(member.size, file)
            else:
                _fill(member, stream, tree, file)
    elif member.isdir():
        tree.folder(member.name, member.mode)
    elif member.issym():
        tree.link(member.name, member.linkname)
    elif member.islnk():
        tree.same(member.name, member.linkname)
    elif member.isdev():
        raise Refused(member.name, "is a FIFO" if member.isfifo() else "is a device")
    else:
        raise Refused(member.name, f"is of the unknown type {shown(member.type.decode('latin-1'))}")


def _fill(member: tarfile.TarInfo, stream: _Forward, tree: Tree, file: int) -> None:
    """
    Write the pieces of a file with holes. Its holes count as bytes: whoever copies the file makes them so.
    """
    tree.take(member.name, member.size)
    for offset, size in cast("list[tuple[int, int]]", member.sparse):
        if offset < 0 or size < 0 or offset + size > member.size:
            raise Refused(member.name, "has pieces that are not within it")
        os.lseek(file, offset, os.SEEK_SET)
        stream.copy(size, file)
    os.ftruncate(file, member.size)
