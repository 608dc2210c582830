"""
The libraries that a processor needs, as the dynamic linker will find them when a worker opens it, and the symbols that
these must define.

Libraries are looked up breadth first, each name once, where `pack` looks for them. Those of the system count here, too:
they must have the versions that the processor was linked with.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.binaries import cpp_names, dynamic_symbols, library_search
from eas_host.binaries.dynamic_symbols import DynamicSymbols
from eas_host.binaries.elf_image import DamagedElf, open_image
from eas_host.binaries.library_search import FoundLibrary
from eas_host.binaries.sanitizer import is_sanitizer_function
from eas_host.check.finding import ERROR, OK, WARNING, Finding, list_names
from eas_host.pack.dependencies import system_libraries

_MAX_LIBRARIES: Final = 1000
_OF_PYTHON: Final = re.compile(r"_?Py[A-Z_]")
"""Functions of the worker's own program, if that is a Python."""


@dataclass(frozen=True)
class LinkedLibraries:
    """
    A processor and the libraries that it needs, directly or through others.

    Attributes:
        entry: the processor.
        found: the libraries by the names under which they are needed, in the order of loading.
        missing: those that were not found, each with the library that needs it.
    """

    entry: FoundLibrary
    found: dict[str, FoundLibrary]
    missing: dict[str, FoundLibrary]

    def of_package(self) -> Iterator[FoundLibrary]:
        """
        Yield the processor and those libraries that are not the system's.
        """
        yield self.entry
        yield from (library for library in self.found.values() if library.found_by != library_search.SYSTEM)


def find_libraries(entry: FoundLibrary, library_path: str | None) -> LinkedLibraries:
    """
    Find the libraries that *entry* needs. *library_path* is used in the place of this process's LD_LIBRARY_PATH.
    """
    result = LinkedLibraries(entry, {}, {})
    waiting = deque([entry])
    while waiting and len(result.found) < _MAX_LIBRARIES:
        user = waiting.popleft()
        for name in user.info.needed:
            if name in result.found or name in result.missing:
                continue
            if system_libraries.component_of(name):
                found = library_search.find_in_system(name, user)
            else:
                found = library_search.find(name, user, entry.path.parent, library_path)
            if found is None:
                result.missing[name] = user
            else:
                result.found[name] = found
                waiting.append(found)
    return result


def libraries_of_package(linked: LinkedLibraries) -> tuple[dict[str, str], list[str]]:
    """
    Return where the libraries are that a package has to bring, by their names, and which of them are missing.
    """
    found = {name: str(one.path) for name, one in linked.found.items() if not system_libraries.component_of(name)}
    return found, [name for name in linked.missing if not system_libraries.component_of(name)]


def check_libraries(linked: LinkedLibraries) -> Iterator[Finding]:
    """
    Say which libraries are missing, and which other machines would not find.
    """
    name = linked.entry.name
    for missing, user in linked.missing.items():
        by = "" if user is linked.entry else f", which {user.name} needs"
        yield Finding(ERROR, name, f"missing library {missing}{by}", "put it beside the .so, or on LD_LIBRARY_PATH")
    if linked.found and not linked.missing:
        yield Finding(OK, name, f"all {len(linked.found)} libraries that it needs are found")
    absolute = [one for one in linked.found.values() if one.found_by.startswith("rpath") and not one.relative]
    beside = [
        one.name
        for one in linked.found.values()
        if one.found_by == library_search.BESIDE and library_search.find_in_system(one.name, linked.entry) is None
    ]
    if absolute:
        folders = list_names(dict.fromkeys(str(one.path.parent) for one in absolute))
        names = list_names(one.name for one in absolute)
        advice = "link with -Wl,-rpath=. and put them beside the .so; `eas-host pack` packs them"
        yield Finding(
            WARNING, name, f"an rpath leads to {names} in {folders}, which other machines do not have", advice
        )
    if beside:
        what = f"no rpath leads to {list_names(beside)}: this host looks beside the processor, EAS may not"
        yield Finding(WARNING, name, what, "link with -Wl,-rpath=.")


def check_symbols(linked: LinkedLibraries) -> Iterator[Finding]:
    """
    Say which symbols no library defines, and which versions the system's libraries lack.
    """
    symbols = {id(one): _symbols(one.path) for one in (linked.entry, *linked.found.values())}
    defined: set[str] = set()
    for one in symbols.values():
        defined.update(one.defined)
    for user in linked.of_package():
        unversioned, undefined = _unresolved(user, linked, symbols, defined)
        for library, versions in unversioned.items():
            yield _too_old(user, linked.found[library], versions, symbols[id(linked.found[library])])
        if undefined and not linked.missing:  # else the missing library is likely to define them
            s = "s" if len(undefined) > 1 else ""
            yield Finding(
                ERROR,
                user.name,
                f"undefined symbol{s} {list_names(map(cpp_names.readable, undefined))}",
                f"link the library that defines {'them' if s else 'it'}",
            )


def _unresolved(
    user: FoundLibrary, linked: LinkedLibraries, symbols: dict[int, DynamicSymbols], defined: set[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """
    Return what *user* needs in vain: versions, by library, and symbols.
    """
    versions: dict[str, list[str]] = {}
    undefined: list[str] = []
    for symbol in symbols[id(user)].undefined:
        library = linked.found.get(symbol.library)
        known = symbols[id(library)].versions if library is not None else frozenset()
        if known and symbol.version not in known:
            versions.setdefault(symbol.library, []).append(symbol.version)
        elif symbol.name not in defined and not _is_expected(symbol.name):
            undefined.append(symbol.name)
    return versions, undefined


def _is_expected(name: str) -> bool:
    """
    Tell whether the worker's program, or what it is started with, may define *name*.
    """
    return _OF_PYTHON.match(name) is not None or is_sanitizer_function(name)


def _too_old(user: FoundLibrary, library: FoundLibrary, needed: list[str], has: DynamicSymbols) -> Finding:
    wanted = max(set(needed), key=_number)
    family = wanted.rpartition("_")[0]
    newest = max((one for one in has.versions if one.rpartition("_")[0] == family), key=_number, default="none of it")
    what = f"it needs {wanted} of {library.name}, and {library.path} has {newest} at most"
    if library.name.startswith("libstdc++"):
        advice = "build it with this machine's compiler or an older one, or link it with -static-libstdc++"
    else:
        advice = "build it on this system, or on one that is not newer"
    return Finding(ERROR, user.name, what, advice)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version.rpartition("_")[2]))


def _symbols(path: Path) -> DynamicSymbols:
    try:
        with open_image(path) as image:
            return dynamic_symbols.read(image)
    except (OSError, DamagedElf):
        return DynamicSymbols()
