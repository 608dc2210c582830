"""
Packs a cpp or java processor with what it needs: `eas-host pack`.

A package holds what the user names, a file or the contents of a folder, and what the processor needs from elsewhere.
These files are put beside the file that needs them: the host looks there for a `.so`, and every `.jar` of a package is
on the class path.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives.jar_layouts import SUFFIXES, jars_in, layout
from eas_host.binaries import elf
from eas_host.binaries.library_search import FoundLibrary
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound
from eas_host.pack.archive.folder_contents import read_folder
from eas_host.pack.archive.member import PackedArchive
from eas_host.pack.archive.writer import write
from eas_host.pack.dependencies import class_path, libraries
from eas_host.pack.dependencies.libraries import ExcludedLibrary
from eas_host.pack.left_beside import left_beside
from eas_host.pack.package_builder import AddedFile, PackageBuilder
from eas_host.pack.python_folder import ENDING, archive_of

TYPES: Final = ("cpp", "java")
_PYTHON: Final = "a Python processor; pack its folder with `eas-host pysdk pack DIR`"


@dataclass(frozen=True)
class PackedProcessor:
    """
    A processor that has been packed.

    Attributes:
        packed: its archive.
        added: the processor and the files that it needs.
        excluded: the system's libraries that it needs and that are not packed.
    """

    packed: PackedArchive
    added: tuple[AddedFile, ...]
    excluded: tuple[ExcludedLibrary, ...]


def pack_processor(
    named: Path,
    kind: str | None = None,
    target: Path | None = None,
    *,
    classpath: Sequence[Path] = (),
    dry_run: bool = False,
) -> PackedProcessor:
    """
    Pack a processor.

    Args:
        named: a `.so`, a `.jar`, or a folder with either.
        kind: `cpp` or `java`; None means the type that is found there.
        target: the archive; None means a file beside *named*, with the name that the service would have.
        classpath: jars, and folders of jars, that a Java processor needs besides those that its manifest names.
        dry_run: whether to write nothing.

    Raises:
        LoadError: it is no processor, or something that it needs is missing.
        ConfigError: its type is not clear, or the archive cannot be written.
    """
    if not named.exists():
        raise EntryNotFound(f"{named}: no such file or folder")
    archive = (target or _archive_of(named)).absolute()
    package, entries = _begin(named, archive, kind)
    for path, folder, type_ in entries:
        add = _add_cpp if type_ == "cpp" else _add_java
        add(package, path, folder)
    _add_class_path(package, classpath, entries)
    members = package.sorted_members()
    size = None if dry_run else write(members, archive)
    left_out = package.left_out if named.is_dir() else tuple(left_beside(named.absolute(), package, archive))
    packed = PackedArchive(archive, members, size, package.followed, tuple(package.notes), left_out)
    return PackedProcessor(packed, tuple(package.added.values()), tuple(package.excluded.values()))


def _archive_of(named: Path) -> Path:
    if named.is_dir():
        return archive_of(named)
    stem, dot_so, _ = named.name.partition(".so")
    name = stem.removeprefix("lib") if dot_so else named.stem
    return named.absolute().with_name(f"{name or named.name}{ENDING}")


_Entry = tuple[Path, str, str]
"""A processor's file, its folder in the package, and its type."""


def _begin(named: Path, archive: Path, kind: str | None) -> tuple[PackageBuilder, list[_Entry]]:
    """
    Begin the package of what is *named*, and find the processors in it.
    """
    if not named.is_dir():
        return PackageBuilder(), [(named.absolute(), "", kind or _type_of(named))]
    contents = read_folder(named, archive)
    members = {member.name: member for member in contents.members}
    package = PackageBuilder(members, contents.followed, list(contents.notes), contents.left_out)
    return package, _entries(named, package, kind)


def _type_of(file: Path) -> str:
    if file.suffix == ".py":
        raise ConfigError(f"{file}: {_PYTHON}")
    return "java" if file.suffix in SUFFIXES or zipfile.is_zipfile(file) else "cpp"


def _entries(named: Path, package: PackageBuilder, kind: str | None) -> list[_Entry]:
    """
    Find the processors in the folder *named*: its jars, or each library with EAS's functions.
    """
    found: dict[str, list[_Entry]] = {"cpp": [], "java": []}
    incomplete: list[_Entry] = []
    for member in package.members.values():
        if member.source is None:
            continue
        folder = str(PurePosixPath(member.name).parent).removeprefix(".")
        if member.source.suffix in SUFFIXES:
            found["java"].append((member.source, folder, "java"))
        elif ".so" in member.source.name and elf.is_elf(member.source):
            info = elf.read(member.source)
            if {"initialize", "process"} <= {*info.exports}:
                found["cpp"].append((member.source, folder, "cpp"))
            elif {"initialize", "process"} & {*info.exports}:
                incomplete.append((member.source, folder, "cpp"))
    found["cpp"] = found["cpp"] or incomplete  # `_add_cpp` will say which function is missing
    chosen = [type_ for type_ in TYPES if found[type_] and kind in (None, type_)]
    if not chosen:
        what = (
            _PYTHON if "app.py" in package.members else "no .so that exports initialize and process in it, and no .jar"
        )
        raise EntryInvalid(f"{named}: {what}")
    if len(chosen) > 1:
        raise ConfigError(f"{named}: holds a .so and a .jar; say which of them is the processor: --type cpp or java")
    return found[chosen[0]]


def _add_cpp(package: PackageBuilder, entry: Path, folder: str) -> None:
    """
    Add the library *entry*, and the libraries that it needs.
    """
    found = libraries.find_dependencies(entry)
    package.add(_join(folder, entry.name), entry, "the processor")
    for needed in found.libraries:
        name = _join(folder, libraries.path_in_package(needed, entry.parent))
        package.add(name, needed.path, needed.found_by)
    for library in found.excluded:
        earlier = package.excluded.get(library.name)
        versions = elf.newest_versions((*library.versions, *(earlier.versions if earlier else ())))
        package.excluded[library.name] = ExcludedLibrary(library.name, library.component, versions)
    package.notes += _rpath_notes(found.entry, found.unreachable)


def _rpath_notes(entry: FoundLibrary, unreachable: tuple[tuple[FoundLibrary, FoundLibrary], ...]) -> Iterator[str]:
    """
    Yield advice for the libraries that no rpath leads to, one line for each library that needs them.
    """
    needs: dict[FoundLibrary, list[str]] = {}
    for user, library in unreachable:
        needs.setdefault(user, []).append(library.name)
    for user, names in needs.items():
        if user is entry:
            advice = f"link {user.name} with -Wl,-rpath=."
        elif user.info.runpath:
            advice = f"give {user.name} the rpath $ORIGIN"
        else:
            advice = f"link {entry.name} with -Wl,-rpath=.,--disable-new-dtags, which counts for {user.name} too"
        what = f"no rpath leads from {user.name} to {', '.join(names)}"
        yield f"{what}: this host looks beside the processor, EAS may not; {advice}"


def _add_java(package: PackageBuilder, entry: Path, folder: str) -> None:
    """
    Add the jar *entry*, and the jars that its manifest names.
    """
    found = class_path.find_dependencies(entry)
    inside = layout(entry)
    if inside is not None:
        package.notes.append(
            f"{entry.name} is {inside.name}: this host unpacks what is inside, EAS may not; if it does not,"
            " pack a folder with the plain jar and its libraries"
        )
    for path, user in found.files:
        if user is None:
            package.add(_join(folder, entry.name), path, "the processor")
        elif not package.contains(path):
            inner = path.relative_to(entry.parent).as_posix() if path.is_relative_to(entry.parent) else path.name
            package.add(_join(folder, inner), path, f"Class-Path of {user.name}")
    package.notes += [
        f"the Class-Path of {jar.name} names {word}, where no jar is; left out, as Java skips it"
        for word, jar in found.missing
    ]


def _add_class_path(package: PackageBuilder, classpath: Sequence[Path], entries: Sequence[_Entry]) -> None:
    """
    Add the jars of *classpath* beside the first of the Java processors in *entries*.
    """
    folder = next((folder for _, folder, type_ in entries if type_ == "java"), None)
    if classpath and folder is None:
        raise ConfigError("--classpath: is for Java processors; libraries of C++ are found without it")
    for named in classpath:
        jars = jars_in(named) if named.is_dir() else [str(named)]
        if not jars or not all(zipfile.is_zipfile(jar) for jar in jars):
            raise ConfigError(f"--classpath {named}: expected a jar, or a folder of jars")
        for jar in map(Path, jars):
            if not package.contains(jar.resolve()):
                package.add(_join(folder or "", jar.name), jar, "--classpath")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
