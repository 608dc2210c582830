"""
The dynamic symbols of an ELF file: what it defines for others, what it expects of them, and in which versions.

The dynamic section does not tell how many symbols there are. The section headers do, which nearly all files have; else
the hash table, through which the dynamic linker looks symbols up, leads to the last one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from eas_host.binaries.elf_image import (
    DT_GNU_HASH,
    DT_HASH,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERNEED,
    DT_VERNEEDNUM,
    DT_VERSYM,
    DamagedElf,
    ElfImage,
    text,
)

_SHT_DYNSYM: Final = 11
_MAX_VERSIONS: Final = 10_000
_MAX_CHAIN: Final = 1 << 20
"""Symbols whose hashes fall into one bucket: a linker makes that a few."""
_WEAK: Final = 2
_LOCAL: Final = 0
_FUNCTIONS: Final = (0, 2, 10)
"""STT_NOTYPE, which assembler leaves; STT_FUNC; and STT_GNU_IFUNC, which chooses a function when it is loaded."""
_HIDDEN_BIT: Final = 0x7FFF
"""A version's number without the bit that says that it is not the default."""


class UndefinedSymbol(NamedTuple):
    """
    A symbol that another library has to define: in the *version* of the *library*, if these are not empty.
    """

    name: str
    version: str
    library: str


class DynamicSymbols(NamedTuple):
    """
    The dynamic symbols of one file.

    Attributes:
        defined: what others can use, and whether it is a function.
        undefined: what others must define. Weak symbols may be missing, and are left out.
        versions: the versions that it defines.
    """

    defined: dict[str, bool] = {}  # noqa: RUF012  nothing changes it
    undefined: tuple[UndefinedSymbol, ...] = ()
    versions: frozenset[str] = frozenset()


class _Symbol(NamedTuple):
    number: int
    name: int
    info: int
    section: int


def read(image: ElfImage) -> DynamicSymbols:
    """
    Read the dynamic symbols of *image*.

    Raises:
        DamagedElf: the file is damaged.
    """
    strings = image.strings()
    needed = {number: (version, library) for number, version, library in required_versions(image, strings)}
    numbers = _version_numbers(image)
    defined: dict[str, bool] = {}
    undefined: list[UndefinedSymbol] = []
    for symbol in _symbols(image):
        if not symbol.name or symbol.info >> 4 == _LOCAL:
            continue
        name = text(strings, symbol.name)
        if symbol.section:
            defined[name] = symbol.info & 15 in _FUNCTIONS
        elif symbol.info >> 4 != _WEAK:
            number = numbers[symbol.number] & _HIDDEN_BIT if symbol.number < len(numbers) else 0
            undefined.append(UndefinedSymbol(name, *needed.get(number, ("", ""))))
    return DynamicSymbols(defined, tuple(undefined), frozenset(_defined_versions(image, strings)))


def find_defined(image: ElfImage, names: tuple[str, ...]) -> Iterator[str]:
    """
    Yield those of *names* that *image* defines. This is quicker than `read` where there are 100,000 symbols.
    """
    strings = image.strings()
    wanted = {at: name for name in names for at in _places(strings, name.encode() + b"\0")}
    if not wanted:
        return
    found = {wanted[symbol.name] for symbol in _symbols(image) if symbol.name in wanted and symbol.section}
    yield from (name for name in names if name in found)


def required_versions(image: ElfImage, strings: bytes) -> Iterator[tuple[int, str, str]]:
    """
    Yield the versions that *image* requires: number, version, library.
    """
    at = _table(image, DT_VERNEED)
    for _ in range(min(image.tag(DT_VERNEEDNUM) or 0, _MAX_VERSIONS) if at is not None else 0):
        _, count, file, first, following = image.unpack("HHIII", at or 0)
        library, inner = text(strings, file), (at or 0) + first
        for _ in range(min(count, _MAX_VERSIONS)):
            _, _, number, name, step = image.unpack("IHHII", inner)
            yield number & _HIDDEN_BIT, text(strings, name), library
            if not step:
                break
            inner += step
        if not following:
            return
        at = (at or 0) + following


def _defined_versions(image: ElfImage, strings: bytes) -> Iterator[str]:
    at = _table(image, DT_VERDEF)
    for _ in range(min(image.tag(DT_VERDEFNUM) or 0, _MAX_VERSIONS) if at is not None else 0):
        _, _, _, count, _, first, following = image.unpack("HHHHIII", at or 0)
        if count:
            name, _ = image.unpack("II", (at or 0) + first)
            yield text(strings, name)
        if not following:
            return
        at = (at or 0) + following


def _version_numbers(image: ElfImage) -> tuple[int, ...]:
    at = _table(image, DT_VERSYM)
    if at is None:
        return ()
    count = _count(image)
    return struct.unpack(f"{image.order}{count}H", image.read(at, 2 * count))


def _symbols(image: ElfImage) -> Iterator[_Symbol]:
    at = _table(image, DT_SYMTAB)
    if at is None:
        return
    form = struct.Struct(image.order + image.layout.symbol)
    table = form.iter_unpack(image.read(at, _count(image) * form.size))
    if image.is_64:
        for number, (name, info, _, section, _, _) in enumerate(table):
            yield _Symbol(number, name, info, section)
    else:
        for number, (name, _, _, info, _, section) in enumerate(table):
            yield _Symbol(number, name, info, section)


def _count(image: ElfImage) -> int:
    """
    Return the number of symbols.
    """
    size = struct.calcsize("<" + image.layout.symbol)
    try:
        for section in image.sections():
            if section.type == _SHT_DYNSYM:
                return section.size // size
    except DamagedElf:
        pass  # `strip` and packers may leave section headers that lead nowhere; the linker does not read them
    at = _table(image, DT_HASH)
    if at is not None:
        return image.unpack("II", at)[1]
    at = _table(image, DT_GNU_HASH)
    return 0 if at is None else _count_by_hashes(image, at)


def _count_by_hashes(image: ElfImage, at: int) -> int:
    """
    Return the number of symbols by the GNU hash table at *at*: the last chain ends with the last symbol.
    """
    buckets, first, words, _ = image.unpack("IIII", at)
    chains = at + 16 + words * (8 if image.is_64 else 4) + buckets * 4
    table = image.read(chains - buckets * 4, buckets * 4)
    last = max(struct.unpack(f"{image.order}{buckets}I", table), default=0)
    if last < first:
        return first
    start = chains + (last - first) * 4
    rest = image.read(start, min((image.size - start) // 4, _MAX_CHAIN) * 4)
    hashes = struct.iter_unpack(f"{image.order}I", rest)
    return last + 1 + next((step for step, (value,) in enumerate(hashes) if value & 1), 0)


def _table(image: ElfImage, tag: int) -> int | None:
    """
    Return where in the file the table is whose address *tag* gives; None if there is none.
    """
    address = image.tag(tag)
    return None if address is None else image.offset_of(address)


def _places(data: bytes, wanted: bytes) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)
