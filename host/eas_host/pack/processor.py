"""
`eas-host pack`: the archive of a cpp or java processor, with what it needs.

A package is what the user names, a file or a folder's contents, and what that needs from elsewhere, put beside the
file that needs it: there a `.so` is looked for, and every `.jar` of a package is on the class path.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives.jar_layouts import SUFFIXES, layout
from eas_host.binaries import elf
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound
from eas_host.pack import jars, libraries
from eas_host.pack.folder import ENDING, archive_of
from eas_host.pack.libraries import Left
from eas_host.pack.member import Packed
from eas_host.pack.package import Package, Taken
from eas_host.pack.search import Found
from eas_host.pack.tree import read_tree
from eas_host.pack.writer import write

TYPES: Final = ("cpp", "java")
_PYTHON: Final = "a Python processor; pack its folder with `eas-host pysdk pack DIR`"


@dataclass(frozen=True)
class PackedProcessor:
    """
    A processor that has been packed.

    Attributes:
        packed: its archive.
        taken: the processor and what it needs.
        left: the system's libraries that it needs, too.
    """

    packed: Packed
    taken: tuple[Taken, ...]
    left: tuple[Left, ...]


def pack_processor(named: Path, kind: str | None = None, target: Path | None = None) -> PackedProcessor:
    """
    Pack a processor.

    Args:
        named: a `.so`, a `.jar`, or a folder with either.
        kind: `cpp` or `java`; None: what is found there.
        target: the archive; None: beside *named*, and called as the service would be.

    Raises:
        LoadError: it is no processor, or something that it needs is not there.
        ConfigError: its type cannot be told, or the archive cannot be written.
    """
    if not named.exists():
        raise EntryNotFound(f"{named}: no such file or folder")
    archive = (target or _archive_of(named)).absolute()
    package, entries = _opened(named, archive, kind)
    for path, folder, of in entries:
        add = _add_cpp if of == "cpp" else _add_java
        add(package, path, folder)
    members = package.sorted_members()
    size = write(members, archive)
    packed = Packed(archive, members, size, package.followed, tuple(package.notes))
    return PackedProcessor(packed, tuple(package.taken.values()), tuple(package.left.values()))


def _archive_of(named: Path) -> Path:
    if named.is_dir():
        return archive_of(named)
    stem, dot_so, _ = named.name.partition(".so")
    name = stem.removeprefix("lib") if dot_so else named.stem
    return named.absolute().with_name(f"{name or named.name}{ENDING}")


_Entry = tuple[Path, str, str]
"""A processor's file, its folder in the package, and its type."""


def _opened(named: Path, archive: Path, kind: str | None) -> tuple[Package, list[_Entry]]:
    """
    The package of what is *named*, and the processors in it.
    """
    if not named.is_dir():
        return Package(), [(named.absolute(), "", kind or _kind_of(named))]
    tree = read_tree(named, archive)
    package = Package({member.name: member for member in tree.members}, tree.followed, list(tree.notes))
    return package, _entries(named, package, kind)


def _kind_of(file: Path) -> str:
    if file.suffix == ".py":
        raise ConfigError(f"{file}: {_PYTHON}")
    return "java" if file.suffix in SUFFIXES or zipfile.is_zipfile(file) else "cpp"


def _entries(named: Path, package: Package, kind: str | None) -> list[_Entry]:
    """
    The processors in the folder *named*: its jars, or each library with EAS's functions.
    """
    found: dict[str, list[_Entry]] = {"cpp": [], "java": []}
    halves: list[_Entry] = []
    for member in package.members.values():
        if member.source is None:
            continue
        folder = str(PurePosixPath(member.name).parent).removeprefix(".")
        if member.source.suffix in SUFFIXES:
            found["java"].append((member.source, folder, "java"))
        elif ".so" in member.source.name and elf.is_elf(member.source):
            facts = elf.read(member.source)
            if {"initialize", "process"} <= {*facts.exports}:
                found["cpp"].append((member.source, folder, "cpp"))
            elif {"initialize", "process"} & {*facts.exports}:
                halves.append((member.source, folder, "cpp"))
    found["cpp"] = found["cpp"] or halves  # to be refused in the words for what is missing
    chosen = [of for of in TYPES if found[of] and kind in (None, of)]
    if not chosen:
        what = (
            _PYTHON if "app.py" in package.members else "no .so that exports initialize and process in it, and no .jar"
        )
        raise EntryInvalid(f"{named}: {what}")
    if len(chosen) > 1:
        raise ConfigError(f"{named}: holds a .so and a .jar; say which of them is the processor: --type cpp or java")
    return found[chosen[0]]


def _add_cpp(package: Package, entry: Path, folder: str) -> None:
    """
    Add the library *entry*, and those that it needs.
    """
    found = libraries.collect(entry)
    package.take(_join(folder, entry.name), entry, "the processor")
    for library in found.libraries:
        name = _join(folder, libraries.place_of(library, entry.parent))
        package.take(name, library.path, library.place)
    for left in found.left:
        earlier = package.left.get(left.name)
        versions = elf.newest_versions((*left.versions, *(earlier.versions if earlier else ())))
        package.left[left.name] = Left(left.name, left.part, versions)
    package.notes += _rpath_notes(found.entry, found.unreached)


def _rpath_notes(entry: Found, unreached: tuple[tuple[Found, Found], ...]) -> Iterator[str]:
    """
    What is to be done where no rpath leads to a library of the package, one line for each library that needs one.
    """
    needs: dict[Found, list[str]] = {}
    for user, library in unreached:
        needs.setdefault(user, []).append(library.name)
    for user, names in needs.items():
        if user is entry:
            advice = f"link {user.name} with -Wl,-rpath=."
        elif user.facts.runpath:
            advice = f"give {user.name} the rpath $ORIGIN"
        else:
            advice = f"link {entry.name} with -Wl,-rpath=.,--disable-new-dtags, which counts for {user.name} too"
        what = f"no rpath leads from {user.name} to {', '.join(names)}"
        yield f"{what}: this host looks beside the processor, EAS may not; {advice}"


def _add_java(package: Package, entry: Path, folder: str) -> None:
    """
    Add the jar *entry*, and those that its manifest names.
    """
    found = jars.collect(entry)
    inside = layout(entry)
    if inside is not None:
        package.notes.append(
            f"{entry.name} is {inside.name}: this host unpacks what is inside, EAS may not; if it does not,"
            " pack a folder with the plain jar and its libraries"
        )
    for path, user in found.files:
        if user is None:
            package.take(_join(folder, entry.name), path, "the processor")
        elif not package.holds(path):
            inner = path.relative_to(entry.parent).as_posix() if path.is_relative_to(entry.parent) else path.name
            package.take(_join(folder, inner), path, f"Class-Path of {user.name}")
    package.notes += [
        f"the Class-Path of {jar.name} names {word}, where no jar is; left out, as Java passes it by"
        for word, jar in found.missing
    ]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
