"""
Reads the parts of an ELF file that the dynamic linker reads: headers, segments, the dynamic section, its strings.

Each read is bounded by the size of the file, and a table by a limit of its own, since the numbers in a damaged file may
be of any size. Both classes and both byte orders are known: a library for another machine is to be named, not refused.
Nothing is mapped: a file that somebody cuts off while it is read gives an error and not SIGBUS.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 4, 5, 6, 10, 14, 15, 29
DT_GNU_HASH, DT_VERSYM, DT_FLAGS_1 = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFB
DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
"""Types of segments and tags of the dynamic section (the ELF specification; the Linux Standard Base)."""

_MAGIC: Final = b"\x7fELF"
_CLASS_64: Final = 2
_LITTLE: Final = 1
_DT_NULL: Final = 0
_MAX_SEGMENTS: Final = 4096
_MAX_SECTIONS: Final = 65_536
_MAX_DYNAMIC: Final = 1 << 20
_MAX_TABLE: Final = 256 << 20
"""Bytes of the largest table that is read. The symbols and strings of the largest libraries, torch's, have 60 MB."""


class DamagedElf(ValueError):
    """
    A number in the file leads out of it, or a table is cut off. The text says which.
    """


class Segment(NamedTuple):
    """
    One program header: *size* bytes of the file at *offset* are mapped at *address*.
    """

    type: int
    offset: int
    address: int
    size: int


class Section(NamedTuple):
    """
    One section header. *type* is one of SHT_*.
    """

    type: int
    offset: int
    size: int


class _Layout(NamedTuple):
    """
    The forms of the headers in one class of files, without the byte order.

    *symbol* is in the order of its class: see `dynamic_symbols`.
    """

    header: str
    segment: str
    section: str
    tag: str
    symbol: str


_LAYOUT_64: Final = _Layout("HHIQQQIHHHHHH", "IIQQQQQQ", "IIQQQQIIQQ", "QQ", "IBBHQQ")
_LAYOUT_32: Final = _Layout("HHIIIIIHHHHHH", "IIIIIIII", "IIIIIIIIII", "II", "IIIBBH")


@contextlib.contextmanager
def open_image(path: Path) -> Iterator[ElfImage]:
    """
    Open the ELF file at *path*.

    Raises:
        OSError: it cannot be read.
        DamagedElf: it is no ELF file, or a damaged one.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not block
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise DamagedElf("it is no regular file")
        yield ElfImage(fd, status.st_size)
    finally:
        os.close(fd)


class ElfImage:
    """
    The ELF file that is open as the descriptor *fd*, of *size* bytes.

    Attributes:
        size: the size of the file.
        is_64: whether it is of the 64-bit class.
        order: its byte order, as `struct` writes it.
        layout: the forms of its headers.
        segments: its program headers.

    Raises:
        DamagedElf: it is no ELF file, or a damaged one.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size
        identity = self.read(0, 16)
        if not identity.startswith(_MAGIC):
            raise DamagedElf("it does not begin as an ELF file")
        self.is_64 = identity[4] == _CLASS_64
        self.order = "<" if identity[5] == _LITTLE else ">"
        self.layout = _LAYOUT_64 if self.is_64 else _LAYOUT_32
        header = self.unpack(self.layout.header, 16)
        self._segment_table, self._section_table = header[4], header[5]
        self._segment_size, self._segment_count, self._section_size, self._section_count = header[8:12]
        self.segments = tuple(self._read_segments())

    def read(self, offset: int, size: int) -> bytes:
        """
        Read *size* bytes at *offset* of the file.

        Raises:
            DamagedElf: the file does not have them.
        """
        if size < 0 or size > _MAX_TABLE or offset < 0 or offset + size > self.size:
            raise DamagedElf(f"{size} bytes at {offset} are not in the file, which has {self.size}")
        data = os.pread(self._fd, size, offset)
        if len(data) != size:
            raise DamagedElf(f"{size} bytes at {offset} cannot be read")
        return data

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """
        Read the structure *form* at *offset* of the file.
        """
        whole = struct.Struct(self.order + form)
        return whole.unpack(self.read(offset, whole.size))

    def offset_of(self, address: int) -> int:
        """
        Return where in the file the bytes are that are mapped at *address*.
        """
        for segment in self.segments:
            if segment.type == PT_LOAD and segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        raise DamagedElf(f"no segment has the address {address:#x}")

    @cached_property
    def dynamic(self) -> dict[int, list[int]]:
        """
        The values of each tag of the dynamic section.
        """
        found: dict[int, list[int]] = {}
        segment = next((one for one in self.segments if one.type == PT_DYNAMIC), None)
        if segment is None:
            return found
        whole = struct.Struct(self.order + self.layout.tag)
        size = min(segment.size, _MAX_DYNAMIC)
        for tag, value in whole.iter_unpack(self.read(segment.offset, size - size % whole.size)):
            if tag == _DT_NULL:
                break
            found.setdefault(tag, []).append(value)
        return found

    def tag(self, number: int) -> int | None:
        """
        Return the first value of the tag *number* in the dynamic section; None if it has none.
        """
        return next(iter(self.dynamic.get(number, ())), None)

    def strings(self) -> bytes:
        """
        Read the string table of the dynamic section.
        """
        address = self.tag(DT_STRTAB)
        return b"" if address is None else self.read(self.offset_of(address), self.tag(DT_STRSZ) or 0)

    def end_of_content(self) -> int:
        """
        Return where the last byte that a segment maps ends: a shorter file is cut off.
        """
        return max((segment.offset + segment.size for segment in self.segments if segment.type == PT_LOAD), default=0)

    def sections(self) -> Iterator[Section]:
        """
        Yield the section headers, if there are any: a file can do without.
        """
        form = self.layout.section
        if not self._section_table or self._section_size < struct.calcsize("<" + form):
            return
        for number in range(min(self._section_count, _MAX_SECTIONS)):
            fields = self.unpack(form, self._section_table + number * self._section_size)
            yield Section(fields[1], fields[4], fields[5])

    def _read_segments(self) -> Iterator[Segment]:
        form = self.layout.segment
        if self._segment_count and self._segment_size < struct.calcsize("<" + form):
            raise DamagedElf("its program headers are too small")
        for number in range(min(self._segment_count, _MAX_SEGMENTS)):
            fields = self.unpack(form, self._segment_table + number * self._segment_size)
            if self.is_64:
                yield Segment(fields[0], fields[2], fields[3], fields[5])
            else:
                yield Segment(fields[0], fields[1], fields[2], fields[4])


def text(strings: bytes, at: int) -> str:
    """
    Return the string at *at* of the string table *strings*.

    Raises:
        DamagedElf: the table has none there.
    """
    end = strings.find(b"\0", at)
    if end < 0 or at >= len(strings):
        raise DamagedElf(f"there is no string at {at}")
    return os.fsdecode(strings[at:end])
