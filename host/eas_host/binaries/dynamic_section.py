"""
What a shared library asks of the dynamic linker, read in a millisecond and without pyelftools.

`elf.read` tells more, but it needs pyelftools, which the interpreter of a package need not have, and it would slow down
the start of a worker. Names of functions are searched in the string table, which holds the names of all dynamic
symbols; so there is no need to walk through a hash table.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries.elf import SIBLING_FOLDERS

_HEADER: Final = struct.Struct("<32xQ14xHH")
_SEGMENT: Final = struct.Struct("<I4xQQ8xQ")
_TAG: Final = struct.Struct("<qQ")
"""
_HEADER reads e_phoff, e_phentsize and e_phnum of Elf64_Ehdr; _SEGMENT reads p_type, p_offset, p_vaddr and p_filesz of
Elf64_Phdr; _TAG is Elf64_Dyn.
"""
_LITTLE_64: Final = b"\x7fELF\x02\x01"
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 10, 15, 29


class DynamicSection(NamedTuple):
    """
    The dynamic section of one library.

    Attributes:
        needed: the names of the libraries that it needs.
        folders: where the dynamic linker has to look for them first (DT_RPATH, DT_RUNPATH), as they are written.
        names: its string table.
    """

    needed: tuple[str, ...]
    folders: tuple[str, ...]
    names: bytes

    def mentions(self, symbol: str) -> bool:
        """
        Tell whether the library calls or defines *symbol* through the dynamic linker.
        """
        return b"\0" + symbol.encode() + b"\0" in self.names


def read(path: Path) -> DynamicSection | None:
    """
    Read the library at *path*; None if this machine could not load it. `elf.check` explains why.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(data) if data[:6] == _LITTLE_64 else None
    except (OSError, ValueError, OverflowError, struct.error):
        return None


def _read(data: mmap.mmap) -> DynamicSection | None:
    at, size, count = _HEADER.unpack_from(data)
    segments = [_SEGMENT.unpack_from(data, at + size * i) for i in range(count)]
    dynamic = next((segment for segment in segments if segment[0] == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    _, begin, _, length = dynamic
    tags: dict[int, list[int]] = {}
    for tag, value in _TAG.iter_unpack(data[begin : begin + length - length % _TAG.size]):
        if tag == _DT_NULL:
            break
        tags.setdefault(tag, []).append(value)
    table = tags.get(_DT_STRTAB, [0])[0]
    for kind, offset, address, length in segments:
        if kind == _PT_LOAD and address <= table < address + length:
            start = offset + table - address
            names = data[start : start + tags.get(_DT_STRSZ, [0])[0]]
            needed = tuple(_text(names, value) for value in tags.get(_DT_NEEDED, []))
            folders = [_text(names, value) for tag in (_DT_RPATH, _DT_RUNPATH) for value in tags.get(tag, [])]
            return DynamicSection(needed, tuple(":".join(folders).split(":")) if folders else (), names)
    return None


def _text(names: bytes, at: int) -> str:
    return os.fsdecode(names[at : names.index(b"\0", at)])


def bundled_libraries(entry: Path) -> Iterator[tuple[Path, DynamicSection]]:
    """
    Yield the library *entry* and those that came with it: beside it, or in a folder of its rpaths. The system's
    libraries are left out.
    """
    home = entry.absolute().parent
    waiting, seen = deque([entry]), {entry.name}
    while waiting:
        path = waiting.popleft()
        found = read(path)
        if found is None:
            continue
        yield path, found
        folders = [*found.folders, *SIBLING_FOLDERS]
        for name in found.needed:
            if name not in seen:
                seen.add(name)
                waiting.extend(_find_in(folders, name, path.absolute().parent, home))


def _find_in(folders: list[str], name: str, origin: Path, home: Path) -> list[Path]:
    """
    Find the file *name* in the first of *folders* that has it; the list is empty if none has. Relative folders start
    from *home*, the working directory of a worker.
    """
    for folder in folders:
        expanded = folder.replace("$ORIGIN", str(origin)).replace("${ORIGIN}", str(origin))
        path = home / expanded / name
        if path.is_file():
            return [path]
    return []
