"""
Reads a zip and gives its members to an extraction folder.

`zipfile` reads the directory at the end of the file. The entries are counted before, because `zipfile` keeps an object
for each, and a million of them take half a gigabyte. Members are then read here and must have exactly the sizes that
the directory gives; `zipfile` itself would cut off a longer member. Members that share bytes are rejected, because a
small zip can be made to hold petabytes in this way.
"""

from __future__ import annotations

import os
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from eas_host.archives import zip_directory
from eas_host.fetch.disk import write_all
from eas_host.fetch.unpacking.extraction_dir import ArchiveRejected, ExtractionDir, UnpackLimits, quote_name

_CHUNK: Final = 1 << 20
_LOCAL: Final = struct.Struct("<4s22xHH")  # the header before a member: signature, ..., lengths of name and extras
_ENTRY: Final = struct.Struct("<4s24xHHH12x")  # an entry of the directory: ..., lengths of name, extras, comment
_ENCRYPTED: Final = 0x1
_UTF_8: Final = 0x800
_UNIX: Final = 3
_MAX_TARGET: Final = 4095  # PATH_MAX


def unpack_zip(
    archive: BinaryIO, target_dir: ExtractionDir, limits: UnpackLimits, wanted: Callable[[str], bool] | None = None
) -> None:
    """
    Put the members of *archive* into *target_dir*: all of them, or those whose names are *wanted*.

    Raises:
        ArchiveRejected: a member is not allowed, or the archive is broken.
    """
    for count, _ in enumerate(_entries(archive), 1):
        if count > limits.members:
            raise ArchiveRejected("", f"it has more than {limits.members:,} members")
    with zipfile.ZipFile(archive) as directory:
        members = directory.infolist()
        _check_shared_bytes(members, directory.start_dir)
        for member in members:
            if wanted is None or wanted(_name(member)):
                _put(archive, member, target_dir)


def _entries(archive: BinaryIO) -> Iterator[int]:
    """
    Yield the position of each entry of the directory.
    """
    try:
        position, end = zip_directory.find(archive)
    except ValueError as error:
        raise ArchiveRejected("", str(error)) from error
    archive.seek(position)
    while position < end and len(entry := archive.read(_ENTRY.size)) == _ENTRY.size:
        yield position
        lengths = _ENTRY.unpack(entry)[1:]
        archive.seek(sum(lengths), os.SEEK_CUR)
        position += _ENTRY.size + sum(lengths)


def _check_shared_bytes(members: list[zipfile.ZipInfo], end: int) -> None:
    ordered = sorted(members, key=lambda member: member.header_offset)
    begins = [member.header_offset for member in ordered[1:]] + [end]
    for member, next_begin in zip(ordered, begins, strict=True):
        if member.header_offset + _LOCAL.size + member.compress_size > next_begin:
            raise ArchiveRejected(member.filename, "shares bytes with another member")


def _put(archive: BinaryIO, member: zipfile.ZipInfo, target_dir: ExtractionDir) -> None:
    name = _name(member)
    mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
    type_ = stat.S_IFMT(mode)
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveRejected(name, "is encrypted")
    if type_ not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
        raise ArchiveRejected(name, "is a device, a FIFO or a socket")
    if name.endswith("/") or type_ == stat.S_IFDIR:
        if member.file_size:
            raise ArchiveRejected(name, "is a folder with content of its own")
        target_dir.make_folder(name, mode or 0o777)
    elif type_ == stat.S_IFLNK:
        if member.file_size > _MAX_TARGET:
            raise ArchiveRejected(name, "is a link to a name that is too long")
        target_dir.symlink(name, os.fsdecode(b"".join(_content(archive, member, name, target_dir))))
    else:
        with target_dir.new_file(name, mode or 0o666, _mtime(member)) as file:
            for data in _content(archive, member, name, target_dir):
                write_all(file, data)


def _name(member: zipfile.ZipInfo) -> str:
    """
    Decode the member's name. A flag says that it is UTF-8; in many zips it is UTF-8 without the flag.
    """
    name = member.orig_filename
    if not member.flag_bits & _UTF_8:
        name = os.fsdecode(name.encode("cp437"))
    if "\\" in name:
        raise ArchiveRejected(name, "has a name with a backslash")
    return name


def _mtime(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):  # some tools write a month 0
        return -1


def _content(archive: BinaryIO, member: zipfile.ZipInfo, name: str, target_dir: ExtractionDir) -> Iterator[bytes]:
    """
    Yield the content of *member* in chunks, and check its size and its checksum.
    """
    chunks = _compressed(archive, member, name)
    if member.compress_type == zipfile.ZIP_DEFLATED:
        chunks = _inflate(chunks, name)
    elif member.compress_type != zipfile.ZIP_STORED:
        method = member.compress_type
        raise ArchiveRejected(name, f"is compressed with method {method}; only deflate and store are read")
    length = checksum = 0
    for data in chunks:
        target_dir.count_bytes(name, len(data))
        length += len(data)
        checksum = zlib.crc32(data, checksum)
        if length > member.file_size:
            raise ArchiveRejected(name, "is longer than the zip's directory says")
        yield data
    if length != member.file_size:
        raise ArchiveRejected(name, "is shorter than the zip's directory says")
    if checksum != member.CRC:
        raise ArchiveRejected(name, "is damaged: its checksum does not match")


def _compressed(archive: BinaryIO, member: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    archive.seek(member.header_offset)
    header = archive.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise ArchiveRejected(name, "is not where the zip's directory says")
    _, name_length, extra_length = _LOCAL.unpack(header)
    local = archive.read(name_length)
    encoding = "utf-8" if member.flag_bits & _UTF_8 else "cp437"
    if local != member.orig_filename.encode(encoding):
        raise ArchiveRejected(name, f"is called {quote_name(os.fsdecode(local))} in its own header")
    archive.seek(extra_length, os.SEEK_CUR)
    left = member.compress_size
    while left:
        data = archive.read(min(left, _CHUNK))
        if not data:
            raise ArchiveRejected(name, "is cut short")
        left -= len(data)
        yield data


def _inflate(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=-15)  # -15: raw deflate, without a header
    for chunk in chunks:
        rest = chunk
        while rest and not decompressor.eof:
            yield decompressor.decompress(rest, _CHUNK)
            rest = decompressor.unconsumed_tail
        if decompressor.unused_data or (decompressor.eof and rest):
            raise ArchiveRejected(name, "has bytes after its end")
    while not decompressor.eof:
        data = decompressor.decompress(b"", _CHUNK)
        if not data:
            raise ArchiveRejected(name, "is cut short")
        yield data
