"""
What an ELF file says about itself: its machine, what it needs, where it looks for that, and EAS's functions in it.

`check` reads only the headers, so it is fast enough for the start of a worker. `read` reads what the dynamic linker
would, for the commands that explain and pack: the program headers and the dynamic segment, which a stripped library has
too.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import dynamic_symbols
from eas_host.binaries.elf_image import (
    DT_FLAGS_1,
    DT_NEEDED,
    DT_RPATH,
    DT_RUNPATH,
    DT_SONAME,
    PT_DYNAMIC,
    PT_INTERP,
    DamagedElf,
    ElfImage,
    open_image,
    text,
)
from eas_host.errors import EntryInvalid, EntryNotFound

EAS_FUNCTIONS: Final = (
    "initialize",
    "process",
    "batch_process",
    "async_process",
    "eas_async_cancel",
    "get_serving_model_info",
)
"""
What EAS may look up in a processor (docs/eas-compatibility.md, section 1.1), and the only name that is ours,
eas_async_cancel. The first two must be there.
"""
SIBLING_FOLDERS: Final = (".", "lib", "lib64")
"""
Where a worker looks for libraries that the dynamic linker does not find, relative to the folder of the processor.
"""

_MAGIC: Final = b"\x7fELF"
_CLASS_64: Final = 2
_HEADER_SIZE: Final = 20
"""The end of e_machine."""
_SHARED_OBJECT: Final = 3
_KINDS: Final = {1: "object file", 2: "program", 3: "shared library", 4: "core file"}
_MACHINES: Final = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""The values of e_type and e_machine (the ELF specification). Machines have the names that `uname -m` prints."""
_PIE: Final = 0x08000000
"""DF_1_PIE of DT_FLAGS_1. Only this tells a position-independent program from a library: both are ET_DYN."""


class ElfInfo(NamedTuple):
    """
    What one ELF file says.

    Attributes:
        path: where it is.
        machine: as `uname -m` names it, or `machine 21`.
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
    versions: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  nothing changes it
    interp: str | None = None


def check(path: Path) -> None:
    """
    Check that *path* is a shared library for this machine.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is something else; the message says what to do.
    """
    machine, bits, kind = _header(path)
    own = os.uname().machine
    if (machine, bits) != (own, 64):
        found, wanted = f"{machine}, {bits}-bit", f"{own}, 64-bit"
        raise EntryInvalid(f"{path}: built for another machine ({found}); rebuild it on this ({wanted})")
    if kind != _KINDS[_SHARED_OBJECT]:
        raise EntryInvalid(f"{path}: an ELF file, but not a shared library; link it with -shared -fPIC")
    try:
        with open_image(path) as image:
            size, wanted_size = image.size, image.end_of_content()
    except (OSError, DamagedElf) as error:
        raise EntryInvalid(f"{path}: a damaged ELF file ({error}); build or copy it again") from error
    if size < wanted_size:  # the dynamic linker would map it, and crash with SIGBUS
        raise EntryInvalid(
            f"{path}: cut off: it has {size:,} bytes, and its headers speak of {wanted_size:,}; build or copy it again"
        )


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
        return _first_bytes(path).startswith(_MAGIC)
    except OSError:
        return False


def read(path: Path) -> ElfInfo:
    """
    Read the ELF file *path*, of any kind and for any machine.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it is no ELF file, or a damaged one.
    """
    machine, bits, kind = _header(path)
    try:
        with open_image(path) as image:
            return _read(path, image, machine, bits, kind)
    except DamagedElf as error:
        raise EntryInvalid(f"{path}: a damaged ELF file ({error}); build or copy it again") from error
    except OSError as error:
        raise EntryNotFound(f"{path}: {error.strerror}; check the path") from error


def _first_bytes(path: Path) -> bytes:
    """
    Read the part of the ELF header that tells kind and machine. A pipe in the place of the file does not block.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(fd, _HEADER_SIZE) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _header(path: Path) -> tuple[str, int, str]:
    """
    Read machine, bits and kind from the ELF header of *path*.
    """
    try:
        header = _first_bytes(path)
    except OSError as error:
        raise EntryNotFound(f"{path}: {error.strerror}; check the path") from error
    if path.is_dir():
        raise EntryNotFound(f"{path}: Is a directory; check the path")
    if not header.startswith(_MAGIC) or len(header) < _HEADER_SIZE:
        raise EntryInvalid(f"{path}: not an ELF file; a cpp processor is a shared library (.so)")
    kind, machine = struct.unpack_from("<HH" if header[5] == 1 else ">HH", header, 16)
    return (
        _MACHINES.get(machine, f"machine {machine}"),
        64 if header[4] == _CLASS_64 else 32,
        _KINDS.get(kind, f"file of kind {kind}"),
    )


def _read(path: Path, image: ElfImage, machine: str, bits: int, kind: str) -> ElfInfo:
    interp = next((image.read(one.offset, one.size) for one in image.segments if one.type == PT_INTERP), None)
    found = ElfInfo(path, machine, bits, kind, interp=None if interp is None else os.fsdecode(interp.rstrip(b"\0")))
    if all(segment.type != PT_DYNAMIC for segment in image.segments):
        return found
    strings = image.strings()

    def texts(tag: int) -> list[str]:
        return [text(strings, at) for at in image.dynamic.get(tag, ())]

    exports = tuple(dynamic_symbols.find_defined(image, EAS_FUNCTIONS))
    return found._replace(
        kind=_KINDS[2] if (image.tag(DT_FLAGS_1) or 0) & _PIE else kind,
        soname=next(iter(texts(DT_SONAME)), None),
        needed=tuple(dict.fromkeys(texts(DT_NEEDED))),
        rpath=_folders(texts(DT_RPATH)),
        runpath=_folders(texts(DT_RUNPATH)),
        exports=exports,
        mangled=_mangled(image, strings, exports),
        versions=_versions(image, strings),
    )


def _folders(texts: list[str]) -> tuple[str, ...]:
    """
    Split *texts* at their colons. An empty part means the working directory, as it does for the dynamic linker.
    """
    return tuple(folder or "." for text in texts for folder in text.split(":") if text)


def _mangled(image: ElfImage, strings: bytes, exports: tuple[str, ...]) -> tuple[str, ...]:
    """
    Find those of EAS's functions that are not in *exports*, but defined under a C++ name (`_Z7processPvPKviPS_Pi`).
    """
    missing = [name for name in EAS_FUNCTIONS if name not in exports]
    if not set(missing) & set(EAS_FUNCTIONS[:2]):
        return ()
    names = {
        name: tuple({match.decode() for match in re.findall(rf"\b_Z{len(name)}{name}\w*".encode(), strings)})
        for name in missing
    }
    return tuple(name for name in missing if any(dynamic_symbols.find_defined(image, names[name])))


def _versions(image: ElfImage, strings: bytes) -> dict[str, tuple[str, ...]]:
    """
    Find the newest version of each family (GLIBC, GLIBCXX, CXXABI) that is required of each library.
    """
    required: dict[str, list[str]] = {}
    for _, version, library in dynamic_symbols.required_versions(image, strings):
        required.setdefault(library, []).append(version)
    return {library: newest_versions(versions) for library, versions in required.items()}


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
