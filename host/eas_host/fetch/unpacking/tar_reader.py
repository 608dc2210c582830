"""
Reads a tar in one pass, compressed or not, and gives its members to an extraction folder.

`tarfile` reads the headers. It reads the bytes from a stream that only goes forward and protects this process: the
stream limits how much memory headers can use, and rejects a negative size, which would mean to go back. Its end must be
the end that tar writes, because `tarfile` takes a file that is cut off between two members for a whole one.
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

from eas_host.fetch.disk import write_all
from eas_host.fetch.unpacking.extraction_dir import ArchiveRejected, ExtractionDir, quote_name

_CHUNK: Final = 1 << 20
_MAX_HEADERS: Final = 1 << 20  # bytes for one member; the longest names need 10 KiB, extended attributes 100 KiB
_MAX_GLOBALS: Final = 100  # headers for all members; git writes one, with the commit
_END: Final = b"\0" * tarfile.BLOCKSIZE

BROKEN: Final = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError)
"""What a damaged tar raises when it is read. In addition, `bz2` raises an OSError without a number."""


def unpack_tar(archive: BinaryIO, compression: str, target_dir: ExtractionDir) -> None:
    """
    Put the members of *archive* into *target_dir*. *compression* is "", gz, bz2, xz or zst.

    Raises:
        ArchiveRejected: a member is not allowed, or the archive is broken.
    """
    stream = _ForwardStream(_decompressed(archive, compression), target_dir)
    try:
        with tarfile.TarFile(fileobj=cast("IO[bytes]", stream), encoding="utf-8", errors="surrogateescape") as tar:
            while (member := tar.next()) is not None:
                stream.begin(member.name)
                tar.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps all members in memory
                if len(tar.pax_headers) > _MAX_GLOBALS:
                    raise ArchiveRejected(member.name, "follows too many global headers")
                _put(member, stream, target_dir)
    except (RecursionError, SystemError) as error:
        # Python 3.10 reports a SystemError with the other as its cause, where it is raised below a reader written in C.
        if not isinstance(error.__cause__ or error, RecursionError):
            raise
        raise ArchiveRejected(stream.member, "is followed by too many headers in a row") from error
    if stream.last != _END:
        reason = "is the last, and the tar's end is missing after it: the file is cut short"
        raise ArchiveRejected(stream.member, reason)
    stream.drain()


def _decompressed(archive: BinaryIO, compression: str) -> BinaryIO:
    """
    Open the decompressed content of *archive*. It is buffered, because calls of the decompressors are slow and most
    headers are small.
    """
    openers: dict[str, Callable[[BinaryIO], IO[bytes]]] = {
        "gz": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
        "bz2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
        "zst": _open_zstd,
    }
    if not compression:
        return archive
    return io.BufferedReader(cast("io.RawIOBase", openers[compression](archive)), _CHUNK)


def _open_zstd(archive: BinaryIO) -> IO[bytes]:
    if sys.version_info < (3, 14):
        raise ArchiveRejected("", "zstd needs Python 3.14; compress it with gzip instead")
    zstd = importlib.import_module("compression.zstd")  # older versions of Python do not have it
    return cast("IO[bytes]", zstd.ZstdFile(archive))


class _ForwardStream:
    """
    The stream from which `tarfile` reads headers and this module reads contents. It remembers the current member and
    the last block that was read.
    """

    def __init__(self, source: BinaryIO, target_dir: ExtractionDir) -> None:
        self._source = source
        self._target_dir = target_dir
        self._at = 0
        self._headers = 0
        self.member = ""
        self.last = b""

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        """
        Skip forward to *position*.
        """
        if position < self._at:
            raise ArchiveRejected(self.member, "has an impossible size")
        while self._at < position and self._take(min(position - self._at, _CHUNK)):
            pass
        return self._at

    def begin(self, member: str) -> None:
        """
        Begin the content of *member*, whose headers have been read.
        """
        self.member = member
        self._headers = 0

    def read(self, size: int) -> bytes:
        """
        Read *size* bytes of headers, or fewer at the end.
        """
        self._headers += size
        if size < 0 or self._headers > _MAX_HEADERS:
            raise ArchiveRejected(self.member, f"is followed by headers of {self._headers:,} bytes")
        return self._take(size)

    def drain(self) -> None:
        """
        Read the rest, because compressed data has its checksum at its end.
        """
        while self._take(_CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        self._at += len(data)
        self._target_dir.count_bytes(self.member, len(data))
        self.last = data
        return data

    def copy(self, size: int, file: int) -> None:
        """
        Write the next *size* bytes to the descriptor *file*.
        """
        while size:
            data = self._take(min(size, _CHUNK))
            if not data:
                raise ArchiveRejected(self.member, "is cut short")
            size -= len(data)
            write_all(file, data)


def _put(member: tarfile.TarInfo, stream: _ForwardStream, target_dir: ExtractionDir) -> None:
    if member.size < 0:
        raise ArchiveRejected(member.name, "has an impossible size")
    if member.isreg():
        with target_dir.new_file(member.name, member.mode, float(member.mtime)) as file:
            if member.sparse is None:
                stream.copy(member.size, file)
            else:
                _put_sparse(member, stream, target_dir, file)
    elif member.isdir():
        target_dir.make_folder(member.name, member.mode)
    elif member.issym():
        target_dir.symlink(member.name, member.linkname)
    elif member.islnk():
        target_dir.hard_link(member.name, member.linkname)
    elif member.isdev():
        raise ArchiveRejected(member.name, "is a FIFO" if member.isfifo() else "is a device")
    else:
        raise ArchiveRejected(member.name, f"is of the unknown type {quote_name(member.type.decode('latin-1'))}")


def _put_sparse(member: tarfile.TarInfo, stream: _ForwardStream, target_dir: ExtractionDir, file: int) -> None:
    """
    Write the pieces of a file with holes. The holes count as bytes, because a copy of the file would have them.
    """
    target_dir.count_bytes(member.name, member.size)
    for offset, size in cast("list[tuple[int, int]]", member.sparse):
        if offset < 0 or size < 0 or offset + size > member.size:
            raise ArchiveRejected(member.name, "has pieces outside of its size")
        os.lseek(file, offset, os.SEEK_SET)
        stream.copy(size, file)
    os.ftruncate(file, member.size)
