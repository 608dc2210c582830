"""
What an ELF file says about itself: its machine, what it needs, where it looks for that, and EAS's functions in it.

`check` reads the header alone, so that the start of a worker can afford it; `facts` reads what the dynamic linker
would, through pyelftools, and is for the commands that explain and pack. Both look at program headers and the dynamic
segment, which a stripped library has too. Symbols are looked up through the hash table: libraries such as torch's have
a hundred thousand of them.
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

FUNCTIONS: Final = ("initialize", "process", "batch_process", "async_process", "get_serving_model_info")
"""What EAS may look up in a processor (docs/eas-compatibility.md, section 1.1); the first two must be there."""
NEIGHBOURS: Final = (".", "lib", "lib64")
"""The folders, from a processor's own, in which a worker looks for libraries that the dynamic linker does not find."""

_MAGIC: Final = b"\x7fELF"
_CLASS_64: Final = 2
_SHARED_OBJECT: Final = 3
_KINDS: Final = {1: "object file", 2: "program", 3: "shared library", 4: "core file"}
_MACHINES: Final = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""Values of e_type and e_machine (the ELF specification), machines by the names that `platform.machine` gives."""
_PIE: Final = 0x08000000
"""DF_1_PIE of DT_FLAGS_1: a program that can be loaded anywhere calls itself a shared object in its header."""


@dataclass(frozen=True)
class ElfFacts:
    """
    One ELF file.

    Attributes:
        path: where it is.
        machine: as `platform.machine` names it, or `machine 21`.
        bits: 32 or 64.
        kind: shared library, program, object file or core file.
        soname: the name that others need it by; None: it has none, its file's name is used.
        needed: the names of the libraries that it needs, in their order.
        rpath: DT_RPATH, split; handed down to the libraries it needs. Without effect where there is a *runpath*.
        runpath: DT_RUNPATH, split; for its own needs only.
        exports: which of EAS's functions can be called.
        mangled: which of them are there under a C++ name only.
        versions: for each needed library, the newest versions of its symbols that are asked for: `GLIBC_2.34`.
        interp: the dynamic linker that it names; programs do.
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
    Demand that *path* is a shared library for this machine.

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


def check_exports(facts: ElfFacts) -> None:
    """
    Demand that the library of *facts* is a processor.

    Raises:
        EntryInvalid: it does not export `initialize` and `process`.
    """
    for name in FUNCTIONS[:2]:
        if name not in facts.exports:
            raise EntryInvalid(missing(facts.path, name, mangled=name in facts.mangled))


def missing(path: Path | str, name: str, *, mangled: bool) -> str:
    """
    Put into words that the library *path* lacks the function *name*; *mangled*: it is there under a C++ name.
    """
    if mangled:
        return f'{path}: {name} has a C++ name; declare it extern "C"'
    return f"{path}: missing symbol {name}; a processor exports initialize and process"


def is_elf(path: Path) -> bool:
    """
    Tell whether *path* is a file that begins as ELF files do.
    """
    try:
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return False


def facts(path: Path) -> ElfFacts:
    """
    Read *path*, of whatever kind and machine it is.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is no ELF file, or a damaged one.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415  `check` does without it

    machine, bits, kind = _header(path)
    try:
        with path.open("rb") as file:
            return _read(path, ELFFile(file), machine, bits, kind)
    except Exception as error:  # in a damaged file, pyelftools stumbles over anything; seeking fails, too
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
    if not header.startswith(_MAGIC) or len(header) < 20:  # noqa: PLR2004  up to and with e_machine
        raise EntryInvalid(f"{path}: not an ELF file; a cpp processor is a shared library (.so)")
    kind, machine = struct.unpack_from("<HH" if header[5] == 1 else ">HH", header, 16)
    return (
        _MACHINES.get(machine, f"machine {machine}"),
        64 if header[4] == _CLASS_64 else 32,
        _KINDS.get(kind, f"file of kind {kind}"),
    )


def _read(path: Path, elf: ELFFile, machine: str, bits: int, kind: str) -> ElfFacts:
    from elftools.elf.dynamic import DynamicSegment  # noqa: PLC0415  as above
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415  as above

    segments = list(elf.iter_segments())
    dynamic = next((segment for segment in segments if isinstance(segment, DynamicSegment)), None)
    interp = next((segment.get_interp_name() for segment in segments if isinstance(segment, InterpSegment)), None)
    if dynamic is None:
        return ElfFacts(path, machine, bits, kind, interp=interp)
    strings: dict[str, list[str]] = {"NEEDED": [], "SONAME": [], "RPATH": [], "RUNPATH": []}
    for tag in dynamic.iter_tags():
        name = str(tag.entry.d_tag).removeprefix("DT_")
        if name in strings:
            strings[name].append(getattr(tag, name.lower()))
        elif name == "FLAGS_1" and tag.entry.d_val & _PIE:
            kind = _KINDS[2]
    exports = tuple(_defined(elf, dynamic, FUNCTIONS))
    return ElfFacts(
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
    Split *texts* at their colons. An empty part stands for the working directory, as it does for the dynamic linker.
    """
    return tuple(folder or "." for text in texts for folder in text.split(":") if text)


def _defined(elf: ELFFile, dynamic: DynamicSegment, names: tuple[str, ...]) -> Iterator[str]:
    """
    Those of *names* that others can call.
    """
    table = _hash_table(elf, dynamic)
    for name in names:
        symbol = None if table is None else table.get_symbol(name)
        if symbol is not None and symbol["st_shndx"] != "SHN_UNDEF":
            yield name


def _hash_table(elf: ELFFile, dynamic: DynamicSegment) -> GNUHashTable | ELFHashTable | None:
    """
    The table through which the dynamic linker looks symbols up; None: there is nothing to be looked up.
    """
    from elftools.elf.hash import ELFHashTable, GNUHashTable  # noqa: PLC0415  as above

    _, offset = dynamic.get_table_offset("DT_GNU_HASH")
    if offset is not None:
        return GNUHashTable(elf, offset, dynamic)
    _, offset = dynamic.get_table_offset("DT_HASH")
    return None if offset is None else ELFHashTable(elf, offset, None, dynamic)


def _mangled(path: Path, elf: ELFFile, dynamic: DynamicSegment, exports: tuple[str, ...]) -> Iterator[str]:
    """
    Those of EAS's functions that are not among *exports*, but defined under a C++ name (`_Z7processPvPKviPS_Pi`).
    """
    missing = [name for name in FUNCTIONS if name not in exports]
    if not set(missing) & set(FUNCTIONS[:2]):
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for name in missing:
            pattern = rf"_Z{len(name)}{name}\w*".encode()
            found = tuple(sorted({match.decode() for match in re.findall(pattern, data)}))
            if any(_defined(elf, dynamic, found)):
                yield name


def _versions(elf: ELFFile) -> dict[str, tuple[str, ...]]:
    """
    The newest version of each family (GLIBC, GLIBCXX, CXXABI) that is asked of each library.
    """
    from elftools.elf.gnuversions import GNUVerNeedSection  # noqa: PLC0415  as above

    versions: dict[str, tuple[str, ...]] = {}
    for section in elf.iter_sections("SHT_GNU_verneed"):
        if isinstance(section, GNUVerNeedSection):
            for library, asked in section.iter_versions():
                versions[str(library.name)] = newest(version.name for version in asked)
    return versions


def newest(versions: Iterable[str]) -> tuple[str, ...]:
    """
    The newest of *versions* in each family: of GLIBC_2.4 and GLIBC_2.34 the second.
    """
    found: dict[str, tuple[int, ...]] = {}
    for version in versions:
        family, _, number = version.rpartition("_")
        if re.fullmatch(r"\d+(\.\d+)*", number):
            found[family] = max(found.get(family, ()), tuple(map(int, number.split("."))))
    return tuple(f"{family}_{'.'.join(map(str, number))}" for family, number in sorted(found.items()))
