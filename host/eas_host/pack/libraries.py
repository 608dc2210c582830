"""
Which libraries a processor needs, and where each will lie in its package.

Strategy: libraries are loaded breadth first, as the dynamic linker does, each name once. What it finds becomes a flat
package: every library lies beside the processor under the name that it is needed by. Only what a relative rpath finds
inside the processor's own folder keeps its place there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eas_host.binaries import elf
from eas_host.errors import EntryInvalid
from eas_host.pack import system
from eas_host.pack.search import Found, find, means, rpaths


@dataclass(frozen=True)
class Left:
    """
    A library of the system's, which is left out.

    Attributes:
        name: its name.
        part: what of the system it is a part of.
        versions: the newest versions that are asked of it.
    """

    name: str
    part: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Collection:
    """
    What a processor needs.

    Attributes:
        entry: the processor.
        libraries: what is taken, in the order of loading.
        left: what is left out.
        unreached: libraries that will lie where no rpath points to, each after what needs it.
    """

    entry: Found
    libraries: tuple[Found, ...]
    left: tuple[Left, ...]
    unreached: tuple[tuple[Found, Found], ...]


def place_of(library: Found, home: Path) -> str:
    """
    The path of *library* in the package, from where the entry lies. *home* is the entry's folder.
    """
    return library.path.relative_to(home).as_posix() if _stays(library, home) else library.name


def collect(entry: Path) -> Collection:
    """
    Find what the processor *entry* needs.

    Raises:
        LoadError: it is no processor, or something that it needs is not there.
    """
    elf.check(entry)
    facts = elf.read(entry)
    elf.check_exports(facts)
    first = Found(entry.name, facts)
    loaded = {name: first for name in (entry.name, facts.soname) if name}
    left: dict[str, set[str]] = {}
    missing: dict[str, list[str]] = {}
    queue = deque([first])
    uses: list[tuple[str, Found]] = []
    while queue:
        user = queue.popleft()
        for name in user.facts.needed:
            uses.append((name, user))
            if system.part_of(name):
                left.setdefault(name, set()).update(user.facts.versions.get(name, ()))
            elif name not in loaded:
                found = find(name, user, entry.parent)
                if found is None:
                    missing.setdefault(user.name, []).append(name)
                    continue
                _demand_movable(found, entry.parent)
                loaded[name] = found
                loaded.setdefault(found.facts.soname or name, found)
                queue.append(found)
    if missing:
        raise EntryInvalid(_missing(entry, missing))
    taken = tuple(dict.fromkeys(found for found in loaded.values() if found is not first))
    pairs = [(user, loaded[name]) for name, user in uses if name in loaded and "/" not in name]
    return Collection(first, taken, tuple(_left(left)), tuple(_unreached(pairs, entry.parent)))


def _demand_movable(found: Found, home: Path) -> None:
    """
    Demand that *found* is not needed by a path that only this machine has.
    """
    if "/" in found.name and not (found.relative and found.path.is_relative_to(home)) and found.user is not None:
        raise EntryInvalid(
            f"{found.user.path}: linked to {found.name} by its path, which other machines do not have; "
            f"link it again after {found.path.name} was linked with -Wl,-soname={found.path.name}"
        )


def _missing(entry: Path, missing: dict[str, list[str]]) -> str:
    wants = "; ".join(f"{user} needs {', '.join(names)}" for user, names in missing.items())
    return f"{entry}: missing library: {wants}; put it beside the .so, or its folder on LD_LIBRARY_PATH"


def _left(left: dict[str, set[str]]) -> Iterator[Left]:
    for name in sorted(left):
        yield Left(name, system.part_of(name) or "", elf.newest_versions(left[name]))


def _unreached(uses: list[tuple[Found, Found]], home: Path) -> Iterator[tuple[Found, Found]]:
    """
    Those of *uses*, pairs of a user and what it needs in the order of loading, in which no rpath leads from the one to
    the other. What is loaded already needs no leading to.
    """
    seen: set[Found] = set()
    for user, library in uses:
        if library not in seen and library.user is not None and not _stays(library, home) and not _flat(user, home):
            yield user, library
        seen.add(library)


def _stays(library: Found, home: Path) -> bool:
    """
    Tell whether *library* keeps its place in the entry's folder.
    """
    return library.relative and library.path.is_relative_to(home)


def _flat(user: Found, home: Path) -> bool:
    """
    Tell whether an rpath leads from *user* to the top of the package.
    """
    named = (*rpaths(user), *((folder, user) for folder in user.facts.runpath))
    return any(means(folder, PurePosixPath(place_of(owner, home)).parent) == "." for folder, owner in named)
