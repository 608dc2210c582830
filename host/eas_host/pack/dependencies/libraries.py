"""
Finds the libraries that a processor needs, and decides where each lies in its package.

Strategy: libraries are looked up breadth first, as the dynamic linker does, each name once. The package is flat: every
library lies beside the processor, under the name by which it is needed. Only a library that a relative rpath finds
inside the processor's own folder keeps its place there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eas_host.binaries import elf
from eas_host.binaries.library_search import FoundLibrary, expand_origin, find, rpaths
from eas_host.errors import EntryInvalid
from eas_host.pack.dependencies import system_libraries

_Use = tuple[FoundLibrary, FoundLibrary]
"""A library, and one that it needs."""


@dataclass(frozen=True)
class ExcludedLibrary:
    """
    A library of the system, which is not packed.

    Attributes:
        name: its name.
        component: the part of the system that it belongs to.
        versions: the newest versions of its symbols that are required.
    """

    name: str
    component: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class LibraryDependencies:
    """
    The libraries that a processor needs.

    Attributes:
        entry: the processor.
        libraries: the libraries to pack, in the order of loading.
        excluded: the libraries of the system, which are not packed.
        unreachable: a library and one that it needs, where no rpath leads from the one to the other in the package.
    """

    entry: FoundLibrary
    libraries: tuple[FoundLibrary, ...]
    excluded: tuple[ExcludedLibrary, ...]
    unreachable: tuple[_Use, ...]


def path_in_package(library: FoundLibrary, home: Path) -> str:
    """
    Return the path of *library* in the package, relative to the entry. *home* is the entry's folder.
    """
    return library.path.relative_to(home).as_posix() if _keeps_its_place(library, home) else library.name


def find_dependencies(entry: Path) -> LibraryDependencies:
    """
    Find the libraries that the processor *entry* needs.

    Raises:
        LoadError: it is no processor, or a library that it needs is missing.
    """
    elf.check(entry)
    info = elf.read(entry)
    elf.check_exports(info)
    first = FoundLibrary(entry.name, info)
    loaded = {name: first for name in (entry.name, info.soname) if name}
    excluded: dict[str, set[str]] = {}
    missing: dict[str, list[str]] = {}
    queue = deque([first])
    uses: list[tuple[str, FoundLibrary]] = []
    while queue:
        user = queue.popleft()
        for name in user.info.needed:
            uses.append((name, user))
            if system_libraries.component_of(name):
                excluded.setdefault(name, set()).update(user.info.versions.get(name, ()))
            elif name not in loaded:
                found = find(name, user, entry.parent)
                if found is None:
                    missing.setdefault(user.name, []).append(name)
                    continue
                _check_movable(found, entry.parent)
                loaded[name] = found
                loaded.setdefault(found.info.soname or name, found)
                queue.append(found)
    if missing:
        raise EntryInvalid(_missing_message(entry, missing))
    libraries = tuple(dict.fromkeys(found for found in loaded.values() if found is not first))
    pairs = [(user, loaded[name]) for name, user in uses if name in loaded and "/" not in name]
    return LibraryDependencies(first, libraries, tuple(_excluded(excluded)), tuple(_unreachable(pairs, entry.parent)))


def _check_movable(found: FoundLibrary, home: Path) -> None:
    """
    Check that *found* is not needed by a path that only this machine has.
    """
    if "/" in found.name and not (found.relative and found.path.is_relative_to(home)) and found.needed_by is not None:
        raise EntryInvalid(
            f"{found.needed_by.path}: linked to {found.name} by its path, which other machines do not have; "
            f"link it again after {found.path.name} was linked with -Wl,-soname={found.path.name}"
        )


def _missing_message(entry: Path, missing: dict[str, list[str]]) -> str:
    wants = "; ".join(f"{user} needs {', '.join(names)}" for user, names in missing.items())
    return f"{entry}: missing library: {wants}; put it beside the .so, or its folder on LD_LIBRARY_PATH"


def _excluded(excluded: dict[str, set[str]]) -> Iterator[ExcludedLibrary]:
    for name in sorted(excluded):
        yield ExcludedLibrary(name, system_libraries.component_of(name) or "", elf.newest_versions(excluded[name]))


def _unreachable(uses: list[_Use], home: Path) -> Iterator[_Use]:
    """
    Yield those of *uses* in which no rpath leads from the one library to the other. They are in the order of loading;
    a library that is loaded already is found without an rpath.
    """
    seen: set[FoundLibrary] = set()
    for user, library in uses:
        if (
            library not in seen
            and library.needed_by is not None
            and not _keeps_its_place(library, home)
            and not _has_rpath_to_top(user, home)
        ):
            yield user, library
        seen.add(library)


def _keeps_its_place(library: FoundLibrary, home: Path) -> bool:
    """
    Tell whether *library* keeps its place in the entry's folder.
    """
    return library.relative and library.path.is_relative_to(home)


def _has_rpath_to_top(user: FoundLibrary, home: Path) -> bool:
    """
    Tell whether an rpath leads from *user* to the top of the package.
    """
    folders = (*rpaths(user), *((folder, user) for folder in user.info.runpath))
    return any(
        expand_origin(folder, PurePosixPath(path_in_package(owner, home)).parent) == "." for folder, owner in folders
    )
