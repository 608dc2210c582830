"""
What a shared library asks of the dynamic linker, read in a millisecond: it is read at the start of each worker.

Names of functions are searched in the string table, which holds the names of all dynamic symbols; so there is no need
to walk through these.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eas_host.binaries.elf import SIBLING_FOLDERS
from eas_host.binaries.elf_image import DT_NEEDED, DT_RPATH, DT_RUNPATH, DamagedElf, open_image, text


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
        Tell whether the library calls or defines *symbol* through the dynamic linker. One that is the end of a longer
        name of the same library is not found, since linkers keep both as one: `process` beside `batch_process`.
        """
        return b"\0" + symbol.encode() + b"\0" in self.names


def read(path: Path) -> DynamicSection | None:
    """
    Read the library at *path*; None if this machine could not load it. `elf.check` explains why.
    """
    try:
        with open_image(path) as image:
            if not image.is_64 or image.order != "<" or not image.dynamic:
                return None
            strings = image.strings()
            needed = tuple(text(strings, at) for at in image.dynamic.get(DT_NEEDED, ()))
            folders = [text(strings, at) for tag in (DT_RPATH, DT_RUNPATH) for at in image.dynamic.get(tag, ())]
    except (OSError, DamagedElf):
        return None
    return DynamicSection(needed, tuple(":".join(folders).split(":")) if folders else (), strings)


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
