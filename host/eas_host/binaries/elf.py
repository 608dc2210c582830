"""
What an ELF file says about itself: its machine, what it needs, where it looks for that, and EAS's functions in it.

`check` reads only the header, so it is fast enough for the start of a worker. `read` reads what the dynamic linker
would, through pyelftools, for the commands that explain and pack: the program headers and the dynamic segment, which a
stripped library has too. Symbols are looked up through the hash table, because libraries such as torch's have a hundred
thousand of them.
"""

from __future__ import annotations

import mmap
import platform
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eas_host.errors import EntryInvalid, EntryNotFound

if TYPE_CHECKING:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile
    from elftools.elf.hash import ELFHashTable, GNUHashTable

EAS_FUNCTIONS: Final = ("initialize", "process", "batch_process", "async_process", "get_serving_model_info")
"""What EAS may look up in a processor (docs/eas-compatibility.md, section 1.1). The first two must be there."""
SIBLING_FOLDERS: Final = (".", "lib", "lib64")
"""
Where a worker looks for libraries that the dynamic linker does not find, relative to the folder of the processor.
"""

_MAGIC: Final = b"\x7fELF"
_CLASS_64: Final = 2
_SHARED_OBJECT: Final = 3
_KINDS: Final = {1: "object file", 2: "program", 3: "shared library", 4: "core file"}
_MACHINES: Final = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""The values of e_type and e_machine (the ELF specification). Machines have the names that `platform.machine` gives."""
_PIE: Final = 0x08000000
"""DF_1_PIE of DT_FLAGS_1. Only this tells a position-independent program from a library: both are ET_DYN."""


@dataclass(frozen=True)
class ElfInfo:
    """
    What one ELF file says.

    Attributes:
        path: where it is.
        machine: as `platform.machine` names it, or `machine 21`.
        bits: 32 or 64.
        kind: shared library, program, object file or core file.
        soname: the name under which other libraries need it; None if it has none and its file's name counts.
        needed: the names of the libraries that it needs, in their order.
        rpath: DT_RPATH, split. It counts for the libraries that this one needs, too; it is ignored if there is a
            *runpath*.
        runpath: DT_RUNPATH, split. It counts for this library only.
        exports: which of EAS's functions can be called.
        mangled: which of EAS's functions exist under a C++ name only.
        versions: for each needed library, the newest versions of its symbols that are required: `GLIBC_2.34`.
        interp: the dynamic linker that a program names.
    """

    path: Path
    machine: str
    bits: int
    kind: str
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    mangled: tuple[str, ...] = ()
    versions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    interp: str | None = None


def check(path: Path) -> None:
    """
    Check that *path* is a shared library for this machine.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is something else; the message says what to do.
    """
    machine, bits, kind = _header(path)
    if (machine, bits) != (platform.machine(), 64):
        found, wanted = f"{machine}, {bits}-bit", f"{platform.machine()}, 64-bit"
        raise EntryInvalid(f"{path}: built for another machine ({found}); rebuild it on this ({wanted})")
    if kind != _KINDS[_SHARED_OBJECT]:
        raise EntryInvalid(f"{path}: an ELF file, but not a shared library; link it with -shared -fPIC")


def check_exports(info: ElfInfo) -> None:
    """
    Check that the library *info* is a processor.

    Raises:
        EntryInvalid: it does not export `initialize` and `process`.
    """
    for name in EAS_FUNCTIONS[:2]:
        if name not in info.exports:
            raise EntryInvalid(missing_symbol(info.path, name, mangled=name in info.mangled))


def missing_symbol(path: Path | str, name: str, *, mangled: bool) -> str:
    """
    Write the message for a library *path* without the function *name*. If *mangled*, it has it under a C++ name.
    """
    if mangled:
        return f'{path}: {name} has a C++ name; declare it extern "C"'
    return f"{path}: missing symbol {name}; a processor exports initialize and process"


def is_elf(path: Path) -> bool:
    """
    Tell whether *path* is a file that begins with the magic number of ELF files.
    """
    try:
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return False


def read(path: Path) -> ElfInfo:
    """
    Read the ELF file *path*, of any kind and for any machine.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is no ELF file, or a damaged one.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415  `check` does not need it

    machine, bits, kind = _header(path)
    try:
        with path.open("rb") as file:
            return _read(path, ELFFile(file), machine, bits, kind)
    except Exception as error:  # a damaged file makes pyelftools raise errors of any kind; seeking fails, too
        reason = str(error) or type(error).__name__
        raise EntryInvalid(f"{path}: a damaged ELF file ({reason}); build or copy it again") from error


def _header(path: Path) -> tuple[str, int, str]:
    """
    Read machine, bits and kind from the ELF header of *path*.
    """
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise EntryNotFound(f"{path}: {error.strerror}; check the path") from error
    if not header.startswith(_MAGIC) or len(header) < 20:  # noqa: PLR2004  the end of e_machine
        raise EntryInvalid(f"{path}: not an ELF file; a cpp processor is a shared library (.so)")
    kind, machine = struct.unpack_from("<HH" if header[5] == 1 else ">HH", header, 16)
    return (
        _MACHINES.get(machine, f"machine {machine}"),
        64 if header[4] == _CLASS_64 else 32,
        _KINDS.get(kind, f"file of kind {kind}"),
    )


def _read(path: Path, elf: ELFFile, machine: str, bits: int, kind: str) -> ElfInfo:
    from elftools.elf.dynamic import DynamicSegment  # noqa: PLC0415  as above
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415  as above

    segments = list(elf.iter_segments())
    dynamic = next((segment for segment in segments if isinstance(segment, DynamicSegment)), None)
    interp = next((segment.get_interp_name() for segment in segments if isinstance(segment, InterpSegment)), None)
    if dynamic is None:
        return ElfInfo(path, machine, bits, kind, interp=interp)
    strings: dict[str, list[str]] = {"NEEDED": [], "SONAME": [], "RPATH": [], "RUNPATH": []}
    for tag in dynamic.iter_tags():
        name = str(tag.entry.d_tag).removeprefix("DT_")
        if name in strings:
            strings[name].append(getattr(tag, name.lower()))
        elif name == "FLAGS_1" and tag.entry.d_val & _PIE:
            kind = _KINDS[2]
    exports = tuple(_defined(elf, dynamic, EAS_FUNCTIONS))
    return ElfInfo(
        path,
        machine,
        bits,
        kind,
        soname=next(iter(strings["SONAME"]), None),
        needed=tuple(dict.fromkeys(strings["NEEDED"])),
        rpath=_folders(strings["RPATH"]),
        runpath=_folders(strings["RUNPATH"]),
        exports=exports,
        mangled=tuple(_mangled(path, elf, dynamic, exports)),
        versions=_versions(elf),
        interp=interp,
    )


def _folders(texts: list[str]) -> tuple[str, ...]:
    """
    Split *texts* at their colons. An empty part means the working directory, as it does for the dynamic linker.
    """
    return tuple(folder or "." for text in texts for folder in text.split(":") if text)


def _defined(elf: ELFFile, dynamic: DynamicSegment, names: tuple[str, ...]) -> Iterator[str]:
    """
    Yield those of *names* that the file defines, so that others can call them.
    """
    table = _hash_table(elf, dynamic)
    for name in names:
        symbol = None if table is None else table.get_symbol(name)
        if symbol is not None and symbol["st_shndx"] != "SHN_UNDEF":
            yield name


def _hash_table(elf: ELFFile, dynamic: DynamicSegment) -> GNUHashTable | ELFHashTable | None:
    """
    Find the table through which the dynamic linker looks up symbols; None if the file has no such table.
    """
    from elftools.elf.hash import ELFHashTable, GNUHashTable  # noqa: PLC0415  as above

    _, offset = dynamic.get_table_offset("DT_GNU_HASH")
    if offset is not None:
        return GNUHashTable(elf, offset, dynamic)
    _, offset = dynamic.get_table_offset("DT_HASH")
    return None if offset is None else ELFHashTable(elf, offset, None, dynamic)


def _mangled(path: Path, elf: ELFFile, dynamic: DynamicSegment, exports: tuple[str, ...]) -> Iterator[str]:
    """
    Yield those of EAS's functions that are not in *exports*, but defined under a C++ name (`_Z7processPvPKviPS_Pi`).
    """
    missing = [name for name in EAS_FUNCTIONS if name not in exports]
    if not set(missing) & set(EAS_FUNCTIONS[:2]):
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for name in missing:
            pattern = rf"_Z{len(name)}{name}\w*".encode()
            found = tuple(sorted({match.decode() for match in re.findall(pattern, data)}))
            if any(_defined(elf, dynamic, found)):
                yield name


def _versions(elf: ELFFile) -> dict[str, tuple[str, ...]]:
    """
    Find the newest version of each family (GLIBC, GLIBCXX, CXXABI) that is required of each library.
    """
    from elftools.elf.gnuversions import GNUVerNeedSection  # noqa: PLC0415  as above

    versions: dict[str, tuple[str, ...]] = {}
    for section in elf.iter_sections("SHT_GNU_verneed"):
        if isinstance(section, GNUVerNeedSection):
            for library, required in section.iter_versions():
                versions[str(library.name)] = newest_versions(version.name for version in required)
    return versions


def newest_versions(versions: Iterable[str]) -> tuple[str, ...]:
    """
    Find the newest of *versions* in each family: of GLIBC_2.4 and GLIBC_2.34 the second.
    """
    found: dict[str, tuple[int, ...]] = {}
    for version in versions:
        family, _, number = version.rpartition("_")
        if re.fullmatch(r"\d+(\.\d+)*", number):
            found[family] = max(found.get(family, ()), tuple(map(int, number.split("."))))
    return tuple(f"{family}_{'.'.join(map(str, number))}" for family, number in sorted(found.items()))
