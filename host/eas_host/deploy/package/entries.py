"""
Which file of a package is the processor.

EAS finds `processor_entry` by its name in the package (docs/eas-compatibility.md, section 7.2). This module looks it
up as a path first, then by its name in any folder, since many archives hold one top folder. If the description names no
entry, the package must contain exactly one candidate. The error for an entry that is not found lists the files of the
package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives.jar_layouts import folder_layout
from eas_host.description.description import Processor
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound, LoadError
from eas_host.make_spec import guess_type, split_class

MAX_LISTED: Final = 12
"""How many names an error message lists; more would bury the message."""
MAX_FILES: Final = 20_000
"""How many files are looked at; a package with more of them holds data."""
_IGNORED_FOLDERS: Final = frozenset({"ENV", "__pycache__", "node_modules"})


@dataclass(frozen=True)
class ProcessorPackage:
    """
    A processor's files in the workspace.

    Attributes:
        folder: the folder with the files; the working directory of an entry that lies at its top.
        source: the package as the description writes it, for messages.
        single_file: the only file, if the description names a file that is no archive.
        key_prefix: what the description's keys begin with: `models[0].` if there are several models.
        entry_key: the key that names the entry, if that is not `processor_entry`.
        original: the user's file or folder that was copied here; None if it is an archive or a download.
    """

    folder: Path
    source: str
    single_file: Path | None = None
    key_prefix: str = ""
    entry_key: str = ""
    original: Path | None = None

    @property
    def copies(self) -> tuple[tuple[str, str], ...]:
        """
        The copy and its original, for `WorkerSpec.copies`.
        """
        return () if self.original is None else ((str(self.single_file or self.folder), str(self.original)),)


@dataclass(frozen=True)
class FoundEntry:
    """
    The processor that was found in a package.

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


def find_entry(package: ProcessorPackage, processor: Processor) -> FoundEntry:
    """
    Find the entry of *processor* in *package*.

    Raises:
        EntryNotFound: there is none.
        EntryInvalid: there are several candidates.
        ConfigError: its type is not known.
    """
    package = replace(package, entry_key=processor.entry_key)
    text, python_class = split_class(processor.entry)
    if text and os.path.normpath(text) != ".":
        # Its first folders may be those of a container, or lead from the description to the package.
        tails = path_tails(text) if processor.entry_key or not processor.path else [text]
        path = _find_named(package, text, tails)
    elif package.single_file is not None:
        path = package.single_file
    else:
        return _find_only(package, processor)
    kind = processor.type or _type_of(path, package)
    if kind == "java":
        return _java_entry(package, path)
    return FoundEntry(path, kind, python_class)


def path_tails(text: str) -> list[str]:
    """
    Return the path *text*, then the same path without its first folder, without its first two, and so on.
    """
    parts = PurePosixPath(os.path.normpath(text)).parts
    return [str(PurePosixPath(*parts[start:])) for start in range(len(parts))]


def list_content(folder: Path, names: Iterable[str] | None = None) -> str:
    """
    List in one line the content of *folder*, or only *names*.
    """
    if names is None:
        names = sorted(_display_name(path) for path in folder.iterdir()) if folder.is_dir() else []
    listed = list(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + more if listed else "nothing"


def package_files(folder: Path) -> Iterator[Path]:
    """
    Yield the files of a package, those of the top folder first. Environments and hidden folders are skipped.
    """
    level = [folder]
    seen = 0
    while level:
        below: list[Path] = []
        for current in level:
            for path in sorted(current.iterdir()):
                if path.is_dir():
                    hidden = path.name.startswith(".") or path.name in _IGNORED_FOLDERS
                    below += [] if hidden or path.is_symlink() else [path]
                else:
                    yield path
                    seen += 1
        level = below if seen < MAX_FILES else []


def _find_named(package: ProcessorPackage, text: str, tails: list[str]) -> Path:
    """
    Find the file *text*, or the first of *tails* that exists.
    """
    wanted = PurePosixPath(os.path.normpath(text))
    if wanted.is_absolute() or ".." in wanted.parts:
        raise EntryNotFound(f"{_entry_key(package)} is {text!r}; expected a file in the package, by its path in it")
    matches: list[Path] = []
    for tail in tails:
        # An archive's only top folder is the package itself; the entry may name it.
        for path in (package.folder / tail, package.folder.parent / tail):
            if path.exists() and path.is_relative_to(package.folder):
                return path
        parts = PurePosixPath(os.path.normpath(tail)).parts
        matches = [found for found in package_files(package.folder) if found.parts[-len(parts) :] == parts]
        if matches:
            break
    return _shallowest(package, text, matches)


def _shallowest(package: ProcessorPackage, text: str, matches: list[Path]) -> Path:
    if not matches:
        listed = list_content(package.folder, _paths_in(package, package_files(package.folder)))
        raise EntryNotFound(
            f"{_entry_key(package)} is {text!r}, but {package.source} has no such file; it has {listed}"
        )
    depth = len(matches[0].parts)
    same = [path for path in matches if len(path.parts) == depth]
    if len(same) > 1:
        listed = list_content(package.folder, _paths_in(package, same))
        raise EntryInvalid(
            f"{_entry_key(package)} is {text!r}, and {package.source} has several: {listed}; write the path"
        )
    return same[0]


def _find_only(package: ProcessorPackage, processor: Processor) -> FoundEntry:
    """
    Find the entry of a description that names none: the package must have exactly one candidate.
    """
    finders: dict[str, Callable[[ProcessorPackage], FoundEntry]] = {
        "cpp": _find_only_library,
        "java": _find_jars,
        "python": _find_only_program,
    }
    kinds = [processor.type] if processor.type else ["java"] if processor.mainclass else list(finders)
    failures: list[LoadError] = []
    found: list[FoundEntry] = []
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
    listed = list_content(package.folder, _paths_in(package, package_files(package.folder)))
    raise EntryNotFound(f"{_entry_key(package)} is missing: name the processor in {package.source}, which has {listed}")


def _find_only_library(package: ProcessorPackage) -> FoundEntry:
    """
    Find the only shared library that exports the functions of a processor.
    """
    from eas_host.binaries import elf  # noqa: PLC0415  few descriptions need it

    libraries = [path for path in package_files(package.folder) if ".so" in path.name and elf.is_elf(path)]
    chosen = [path for path in libraries if _exports(path) >= {"initialize", "process"}]
    if len(chosen) == 1:
        return FoundEntry(chosen[0], "cpp")
    names = list(_paths_in(package, chosen or libraries or package_files(package.folder)))
    if chosen:
        raise EntryInvalid(
            f"{_entry_key(package)} is missing, and {package.source} has several processors: "
            f"{list_content(package.folder, names)}; name one"
        )
    what = "no library in it exports initialize and process" if libraries else "there is no .so in it"
    raise EntryNotFound(
        f"{_entry_key(package)} is missing, and {package.source} has no default: {what}; "
        f"it has {list_content(package.folder, names)}"
    )


def _exports(path: Path) -> set[str]:
    from eas_host.binaries import elf  # noqa: PLC0415  as above

    try:
        return set(elf.read(path).exports)
    except LoadError:
        return set()


def _find_jars(package: ProcessorPackage) -> FoundEntry:
    if folder_layout(package.folder) is not None:
        return _java_entry(package, package.folder, [])
    jars = [path for path in package_files(package.folder) if path.suffix == ".jar"]
    if jars:
        return _java_entry(package, jars[0].parent, jars)
    wars = [path for path in package_files(package.folder) if path.suffix == ".war"]
    if len(wars) == 1:
        return FoundEntry(wars[0], "java")
    if any(path.suffix == ".class" for path in package_files(package.folder)):
        return FoundEntry(package.folder, "java")
    listed = list_content(package.folder, _paths_in(package, package_files(package.folder)))
    raise EntryNotFound(f"{package.source}: there is no .jar in it; it has {listed}")


def _java_entry(package: ProcessorPackage, path: Path, jars: list[Path] | None = None) -> FoundEntry:
    """
    Make an entry of *path*, a jar or a folder, with every other jar of the package on the class path after it.
    """
    if jars is None:
        jars = [found for found in package_files(package.folder) if found.suffix == ".jar"]
    others = tuple(jar for jar in jars if path not in (jar, jar.parent))
    return FoundEntry(path, "java", classpath=others)


def _find_only_program(package: ProcessorPackage) -> FoundEntry:
    programs = sorted(package.folder.glob("*.py"))
    chosen = [path for path in programs if path.name == "app.py"] or programs
    if len(chosen) == 1:
        return FoundEntry(chosen[0], "python")
    listed = list_content(package.folder, _paths_in(package, programs or package_files(package.folder)))
    if chosen:
        raise EntryInvalid(f"{_entry_key(package)} is missing, and {package.source} has several: {listed}; name one")
    raise EntryNotFound(f"{_entry_key(package)} is missing: name the .py file in {package.source}, which has {listed}")


def _type_of(path: Path, package: ProcessorPackage) -> str:
    kind = guess_type(path)
    if kind is None:
        key = f"{package.key_prefix}processor_type"
        raise ConfigError(f"{key} is missing, and the name {path.name} does not show it: write cpp, java or python")
    return kind


def _entry_key(package: ProcessorPackage) -> str:
    return package.entry_key or f"{package.key_prefix}processor_entry"


def _paths_in(package: ProcessorPackage, paths: Iterable[Path]) -> Iterator[str]:
    return (str(path.relative_to(package.folder)) for path in paths)


def _display_name(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name
