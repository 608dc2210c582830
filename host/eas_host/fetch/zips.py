"""
Reads a zip and hands its members to a tree.

`zipfile` reads the directory at the end of the file, after its entries were counted here: it keeps an object for each,
and a million of them are half a gigabyte. Members are then read by their sizes in that directory and must fill them
exactly; `zipfile` itself would cut a member that is longer than it says. Members that share bytes are refused, since
that is how a small zip is made to hold petabytes.
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
from eas_host.fetch.disk import write
from eas_host.fetch.tree import Limits, Refused, Tree, shown

_CHUNK: Final = 1 << 20
_LOCAL: Final = struct.Struct("<4s22xHH")  # a member's own header: signature, ..., lengths of its name and its extras
_ENTRY: Final = struct.Struct("<4s24xHHH12x")  # its entry in the directory: ..., lengths of name, extras, comment
_ENCRYPTED: Final = 0x1
_UTF_8: Final = 0x800
_UNIX: Final = 3
_MAX_TARGET: Final = 4095  # PATH_MAX


def unpack_zip(archive: BinaryIO, tree: Tree, limits: Limits, wanted: Callable[[str], bool] | None = None) -> None:
    """
    Put the members of *archive* into *tree*: all of them, or those whose names are *wanted*.

    Raises:
        Refused: a member is not allowed, or the archive is broken.
    """
    for count, _ in enumerate(_entries(archive), 1):
        if count > limits.members:
            raise Refused("", f"it has more than {limits.members:,} members")
    with zipfile.ZipFile(archive) as directory:
        members = directory.infolist()
        _refuse_shared_bytes(members, directory.start_dir)
        for member in members:
            if wanted is None or wanted(_name(member)):
                _put(archive, member, tree)


def _entries(archive: BinaryIO) -> Iterator[int]:
    """
    Yield where each entry of the directory begins.
    """
    try:
        position, end = zip_directory.find(archive)
    except ValueError as error:
        raise Refused("", str(error)) from error
    archive.seek(position)
    while position < end and len(entry := archive.read(_ENTRY.size)) == _ENTRY.size:
        yield position
        lengths = _ENTRY.unpack(entry)[1:]
        archive.seek(sum(lengths), os.SEEK_CUR)
        position += _ENTRY.size + sum(lengths)


def _refuse_shared_bytes(members: list[zipfile.ZipInfo], end: int) -> None:
    ordered = sorted(members, key=lambda member: member.header_offset)
    begins = [member.header_offset for member in ordered[1:]] + [end]
    for member, next_begin in zip(ordered, begins, strict=True):
        if member.header_offset + _LOCAL.size + member.compress_size > next_begin:
            raise Refused(member.filename, "shares bytes with another member")


def _put(archive: BinaryIO, member: zipfile.ZipInfo, tree: Tree) -> None:
    name = _name(member)
    mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
    type_ = stat.S_IFMT(mode)
    if member.flag_bits & _ENCRYPTED:
        raise Refused(name, "is encrypted")
    if type_ not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}:
        raise Refused(name, "is a device, a FIFO or a socket")
    if name.endswith("/") or type_ == stat.S_IFDIR:
        if member.file_size:
            raise Refused(name, "is a folder with content of its own")
        tree.folder(name, mode or 0o777)
    elif type_ == stat.S_IFLNK:
        if member.file_size > _MAX_TARGET:
            raise Refused(name, "is a link to a name that is too long")
        tree.link(name, os.fsdecode(b"".join(_content(archive, member, name, tree))))
    else:
        with tree.file(name, mode or 0o666, _mtime(member)) as file:
            for data in _content(archive, member, name, tree):
                write(file, data)


def _name(member: zipfile.ZipInfo) -> str:
    """
    The member's name. A zip says whether it is UTF-8; many say nothing and are UTF-8 all the same.
    """
    name = member.orig_filename
    if not member.flag_bits & _UTF_8:
        name = os.fsdecode(name.encode("cp437"))
    if "\\" in name:
        raise Refused(name, "has a name with a backslash")
    return name


def _mtime(member: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):  # a month 0, as some tools write
        return -1


def _content(archive: BinaryIO, member: zipfile.ZipInfo, name: str, tree: Tree) -> Iterator[bytes]:
    """
    Yield what *member* holds, piece by piece, and make sure that it is what the directory says.
    """
    pieces = _packed(archive, member, name)
    if member.compress_type == zipfile.ZIP_DEFLATED:
        pieces = _inflate(pieces, name)
    elif member.compress_type != zipfile.ZIP_STORED:
        raise Refused(name, f"is packed with method {member.compress_type}; only deflate and store are read")
    length = checksum = 0
    for data in pieces:
        tree.take(name, len(data))
        length += len(data)
        checksum = zlib.crc32(data, checksum)
        if length > member.file_size:
            raise Refused(name, "is longer than the zip's directory says")
        yield data
    if length != member.file_size:
        raise Refused(name, "is shorter than the zip's directory says")
    if checksum != member.CRC:
        raise Refused(name, "is damaged: its checksum is another one")


def _packed(archive: BinaryIO, member: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    archive.seek(member.header_offset)
    header = archive.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise Refused(name, "is not where the zip's directory says")
    _, name_length, extra_length = _LOCAL.unpack(header)
    local = archive.read(name_length)
    encoding = "utf-8" if member.flag_bits & _UTF_8 else "cp437"
    if local != member.orig_filename.encode(encoding):
        raise Refused(name, f"is called {shown(os.fsdecode(local))} in its own header")
    archive.seek(extra_length, os.SEEK_CUR)
    left = member.compress_size
    while left:
        data = archive.read(min(left, _CHUNK))
        if not data:
            raise Refused(name, "is cut short")
        left -= len(data)
        yield data


def _inflate(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=-15)  # -15: without a frame
    for piece in pieces:
        rest = piece
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unconsumed_tail
        if unpacker.unused_data or (unpacker.eof and rest):
            raise Refused(name, "has bytes behind its end")
    while not unpacker.eof:
        data = unpacker.decompress(b"", _CHUNK)
        if not data:
            raise Refused(name, "is cut short")
        yield data
