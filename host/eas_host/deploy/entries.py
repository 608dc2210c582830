"""
Which file of a package is the processor.

EAS finds `processor_entry` by its name in the package (docs/eas-compatibility.md, section 7.2). Here it is looked up
as a path first, then by its name anywhere: archives that hold one top folder are common. Where the description names
none, the package's content decides, as long as it leaves one choice. Whoever finds nothing is told what is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives.jar_layouts import folder_layout
from eas_host.config.worker_spec import guess_type, split_class
from eas_host.description.description import Processor
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound, LoadError

LISTED: Final = 12
"""Names in a list of what is there; more would bury the message."""
MOST_FILES: Final = 20_000
"""How many files are looked at: beyond them a package holds data."""
_PASSED_OVER: Final = frozenset({"ENV", "__pycache__", "node_modules"})


@dataclass(frozen=True)
class Package:
    """
    A processor's files in the workspace.

    Attributes:
        folder: where they are, the working directory of an entry at their top.
        source: how the description calls them, for messages.
        bare: the only file, if the description names no archive or folder but a file.
        where: the key of the description, `models[0].` in front where there are several.
        entry_key: the key that names the entry, if that is not `processor_entry`.
    """

    folder: Path
    source: str
    bare: Path | None = None
    where: str = ""
    entry_key: str = ""


@dataclass(frozen=True)
class Entry:
    """
    The processor.

    Attributes:
        path: the library, the Python file, the jar, or the folder with jars or classes.
        type: cpp, java or python.
        python_class: the class that the entry names behind a colon.
        classpath: further jars.
    """

    path: Path
    type: str
    python_class: str | None = None
    classpath: tuple[Path, ...] = ()


def find(package: Package, processor: Processor) -> Entry:
    """
    Find the entry of *processor* in *package*.

    Raises:
        EntryNotFound: there is none.
        EntryInvalid: it cannot be told which it is.
        ConfigError: its type cannot be told.
    """
    package = replace(package, entry_key=processor.entry_key)
    text, python_class = split_class(processor.entry)
    if text and os.path.normpath(text) != ".":
        # Folders in front may be those of a container, or lead from the description to the package.
        tails = ends(text) if processor.entry_key or not processor.path else [text]
        path = _named(package, text, tails)
    elif package.bare is not None:
        path = package.bare
    else:
        return _only(package, processor)
    kind = processor.type or _type_of(path, package)
    if kind == "java":
        return _java(package, path)
    return Entry(path, kind, python_class)


def ends(text: str) -> list[str]:
    """
    The path *text*, and what is left of it without its first folder, its first two, and so on.
    """
    parts = PurePosixPath(os.path.normpath(text)).parts
    return [str(PurePosixPath(*parts[start:])) for start in range(len(parts))]


def shown(folder: Path, names: Iterable[str] | None = None) -> str:
    """
    List what is in *folder*, or *names* in it, in a line.
    """
    if names is None:
        names = sorted(_name(path) for path in folder.iterdir()) if folder.is_dir() else []
    listed = list(names)
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return ", ".join(listed[:LISTED]) + more if listed else "nothing"


def files(folder: Path) -> Iterator[Path]:
    """
    The files of a package, those at the top first. Environments and hidden folders are passed over.
    """
    level = [folder]
    seen = 0
    while level:
        below: list[Path] = []
        for place in level:
            for path in sorted(place.iterdir()):
                if path.is_dir():
                    hidden = path.name.startswith(".") or path.name in _PASSED_OVER
                    below += [] if hidden or path.is_symlink() else [path]
                else:
                    yield path
                    seen += 1
        level = below if seen < MOST_FILES else []


def _named(package: Package, text: str, tails: list[str]) -> Path:
    """
    The file that is called *text*, or the first of *tails* that there is.
    """
    wanted = PurePosixPath(os.path.normpath(text))
    if wanted.is_absolute() or ".." in wanted.parts:
        raise EntryNotFound(f"{_key(package)} is {text!r}; expected a file in the package, by its path in it")
    matches: list[Path] = []
    for tail in tails:
        # An archive's only top folder is the package itself; the entry may name it.
        for path in (package.folder / tail, package.folder.parent / tail):
            if path.exists() and path.is_relative_to(package.folder):
                return path
        parts = PurePosixPath(os.path.normpath(tail)).parts
        matches = [found for found in files(package.folder) if found.parts[-len(parts) :] == parts]
        if matches:
            break
    return _shallowest(package, text, matches)


def _shallowest(package: Package, text: str, matches: list[Path]) -> Path:
    if not matches:
        listed = shown(package.folder, _listing(package, files(package.folder)))
        raise EntryNotFound(f"{_key(package)} is {text!r}, but {package.source} has no such file; it has {listed}")
    depth = len(matches[0].parts)
    same = [path for path in matches if len(path.parts) == depth]
    if len(same) > 1:
        listed = shown(package.folder, _listing(package, same))
        raise EntryInvalid(f"{_key(package)} is {text!r}, and {package.source} has several: {listed}; write the path")
    return same[0]


def _only(package: Package, processor: Processor) -> Entry:
    """
    The entry of a description that names none.
    """
    finders: dict[str, Callable[[Package], Entry]] = {"cpp": _only_library, "java": _all_jars, "python": _only_program}
    kinds = [processor.type] if processor.type else ["java"] if processor.mainclass else list(finders)
    failures: list[LoadError] = []
    found: list[Entry] = []
    for kind in kinds:
        try:
            found.append(finders[kind](package))
        except LoadError as error:
            failures.append(error)
    if len(found) == 1:
        return found[0]
    if len(kinds) == 1:
        raise failures[0]
    if any(isinstance(failure, EntryInvalid) for failure in failures) and not found:
        raise next(failure for failure in failures if isinstance(failure, EntryInvalid))
    listed = shown(package.folder, _listing(package, files(package.folder)))
    raise EntryNotFound(f"{_key(package)} is missing: name the processor in {package.source}, which has {listed}")


def _only_library(package: Package) -> Entry:
    """
    The only shared library that exports what a processor exports.
    """
    from eas_host.binaries import elf  # noqa: PLC0415  reads files that few descriptions need to have read

    libraries = [path for path in files(package.folder) if ".so" in path.name and elf.is_elf(path)]
    chosen = [path for path in libraries if _exports(path) >= {"initialize", "process"}]
    if len(chosen) == 1:
        return Entry(chosen[0], "cpp")
    names = list(_listing(package, chosen or libraries or files(package.folder)))
    if chosen:
        raise EntryInvalid(
            f"{_key(package)} is missing, and {package.source} has several processors: "
            f"{shown(package.folder, names)}; name one"
        )
    what = "no library in it exports initialize and process" if libraries else "there is no .so in it"
    raise EntryNotFound(
        f"{_key(package)} is missing, and {package.source} cannot do without: {what}; "
        f"it has {shown(package.folder, names)}"
    )


def _exports(path: Path) -> set[str]:
    from eas_host.binaries import elf  # noqa: PLC0415  as above

    try:
        return set(elf.read(path).exports)
    except LoadError:
        return set()


def _all_jars(package: Package) -> Entry:
    if folder_layout(package.folder) is not None:
        return _java(package, package.folder, [])
    jars = [path for path in files(package.folder) if path.suffix == ".jar"]
    if jars:
        return _java(package, jars[0].parent, jars)
    wars = [path for path in files(package.folder) if path.suffix == ".war"]
    if len(wars) == 1:
        return Entry(wars[0], "java")
    if any(path.suffix == ".class" for path in files(package.folder)):
        return Entry(package.folder, "java")
    listed = shown(package.folder, _listing(package, files(package.folder)))
    raise EntryNotFound(f"{package.source}: there is no .jar in it; it has {listed}")


def _java(package: Package, path: Path, jars: list[Path] | None = None) -> Entry:
    """
    *path*, a jar or a folder, with every other jar of the package behind it on the class path.
    """
    if jars is None:
        jars = [found for found in files(package.folder) if found.suffix == ".jar"]
    others = tuple(jar for jar in jars if path not in (jar, jar.parent))
    return Entry(path, "java", classpath=others)


def _only_program(package: Package) -> Entry:
    programs = sorted(package.folder.glob("*.py"))
    chosen = [path for path in programs if path.name == "app.py"] or programs
    if len(chosen) == 1:
        return Entry(chosen[0], "python")
    listed = shown(package.folder, _listing(package, programs or files(package.folder)))
    if chosen:
        raise EntryInvalid(f"{_key(package)} is missing, and {package.source} has several: {listed}; name one")
    raise EntryNotFound(f"{_key(package)} is missing: name the .py file in {package.source}, which has {listed}")


def _type_of(path: Path, package: Package) -> str:
    kind = guess_type(path)
    if kind is None:
        key = f"{package.where}processor_type"
        raise ConfigError(f"{key} is missing, and {path.name} does not tell: write cpp, java or python")
    return kind


def _key(package: Package) -> str:
    return package.entry_key or f"{package.where}processor_entry"


def _listing(package: Package, paths: Iterable[Path]) -> Iterator[str]:
    return (str(path.relative_to(package.folder)) for path in paths)


def _name(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name
