"""
Loads the libraries that lie beside a processor, where the dynamic linker does not look for them.

A library without `-Wl,-rpath=.` does not find its siblings. LD_LIBRARY_PATH would help, but it applies to a whole
process and only from its start: Python itself would load the C++ runtime that a package brings along. Loading a sibling
by its path first helps only if it has a SONAME, which libraries that people link by hand seldom have.

So a stub, a library of 400 bytes that is made here, says that it needs the sibling (DT_NEEDED) and where that is
(DT_RPATH). Opening the stub loads the sibling under the name by which the processor needs it. Only the libraries that
need the sibling see its symbols, as if the processor had been linked in that way.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from eas_host.binaries.elf import SIBLING_FOLDERS
from eas_host.errors import EntryInvalid

MISSING: Final = re.compile(r"(?P<name>[^\s:/]+): cannot open shared object file")
"""What the dynamic linker says; it names the library as the one that needs it does."""

_HEADER: Final = "16sHHIQQQIHHHHHH"
_SEGMENT: Final = "IIQQQQQQ"
_TAG: Final = "QQ"
"""Elf64_Ehdr, Elf64_Phdr and Elf64_Dyn; none of them has gaps."""
_HEADER_SIZE, _SEGMENT_SIZE, _TAG_SIZE = (struct.calcsize("<" + form) for form in (_HEADER, _SEGMENT, _TAG))
_SEGMENTS, _TAGS = 3, 7
_SYMBOL_SIZE: Final = 24
_ET_DYN: Final = 3
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_READ_WRITE: Final = 6
"""The linker writes into a dynamic section; without PT_GNU_STACK it would make the stack executable."""
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_RPATH = 0, 1, 5, 6, 10, 11, 15
_ALIGNMENT: Final = 0x10000
"""A multiple of every page size, that of aarch64 with 64 KiB included."""

T = TypeVar("T")


def open_with_siblings(entry: Path, load: Callable[[], T]) -> T:
    """
    Call *load*, which opens *entry*. If a library is missing that lies beside it, load that library and try again.

    Raises:
        EntryInvalid: raised by the last *load*, with the dynamic linker's message.
    """
    return _open(entry, load, set())


def _open(entry: Path, load: Callable[[], T], tried: set[Path]) -> T:
    while True:
        try:
            return load()
        except EntryInvalid as error:
            missing = MISSING.match(error.message)
            sibling = next(_find_siblings(entry, missing["name"]), None) if missing else None
            if sibling is None or sibling in tried:
                raise
        tried.add(sibling)
        _open(entry, partial(_load, sibling), tried)  # it may need siblings itself


def _find_siblings(entry: Path, name: str) -> Iterator[Path]:
    for folder in SIBLING_FOLDERS:
        path = entry.absolute().parent / folder / name
        if path.is_file():
            yield path


def _load(library: Path) -> None:
    """
    Load *library* so that others find it under its file's name until this process ends.

    Raises:
        EntryInvalid: with the dynamic linker's message.
    """
    import ctypes  # noqa: PLC0415  few processors need it, and each worker would wait for it

    stub = os.memfd_create(f"needs {library.name}")
    os.write(stub, _stub(library))
    try:
        # The descriptor stays open: the linker takes two libraries with one path for the same.
        ctypes.CDLL(f"/proc/self/fd/{stub}", mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        os.close(stub)
        raise EntryInvalid(str(error)) from error


def _stub(library: Path) -> bytes:
    """
    Make a stub that needs *library*, for the same machine.
    """
    with library.open("rb") as file:
        header = file.read(_HEADER_SIZE)
    if len(header) < _HEADER_SIZE:
        raise EntryInvalid(f"{library}: file too short")
    order = "<" if header[5] == 1 else ">"
    identity, _, machine, version, _, _, _, flags, *_ = struct.unpack(order + _HEADER, header)
    strings = b"\0" + os.fsencode(library.name) + b"\0" + os.fsencode(library.parent) + b"\0"
    dynamic_at = _HEADER_SIZE + _SEGMENTS * _SEGMENT_SIZE
    symbols_at = dynamic_at + _TAGS * _TAG_SIZE
    strings_at = symbols_at + _SYMBOL_SIZE
    size = strings_at + len(strings)
    file_header = (identity, _ET_DYN, machine, version, 0, _HEADER_SIZE, 0, flags, _HEADER_SIZE, _SEGMENT_SIZE)
    segments = (
        (_PT_LOAD, _READ_WRITE, 0, 0, 0, size, size, _ALIGNMENT),
        (_PT_DYNAMIC, _READ_WRITE, *[dynamic_at] * 3, *[_TAGS * _TAG_SIZE] * 2, 8),
        (_PT_GNU_STACK, _READ_WRITE, 0, 0, 0, 0, 0, 16),
    )
    dynamic = (
        (_DT_NEEDED, 1),
        (_DT_RPATH, 2 + len(os.fsencode(library.name))),
        (_DT_STRTAB, strings_at),
        (_DT_SYMTAB, symbols_at),
        (_DT_STRSZ, len(strings)),
        (_DT_SYMENT, _SYMBOL_SIZE),
        (_DT_NULL, 0),
    )
    return b"".join(
        (
            struct.pack(order + _HEADER, *file_header, _SEGMENTS, 0, 0, 0),
            *(struct.pack(order + _SEGMENT, *segment) for segment in segments),
            *(struct.pack(order + _TAG, *tag) for tag in dynamic),
            bytes(_SYMBOL_SIZE),
            strings,
        )
    )
