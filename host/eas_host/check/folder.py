"""
Finds the processors in a folder, and tells what kind of processor a file is.

A folder is searched as a package is: a library with one of EAS's functions, a Python file with a processor's class, or
all jars of a folder together.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from eas_host.archives.jar_layouts import FOLDERS, SUFFIXES
from eas_host.binaries import elf
from eas_host.errors import ConfigError, EntryNotFound, LoadError
from eas_host.make_spec import guess_type, split_class

_MAX_FILES: Final = 20_000
_MAX_TEXT: Final = 4 << 20
_IGNORED: Final = frozenset({"ENV", "__pycache__", "node_modules", "site-packages"})
_IMPORT: Final = re.compile(rb"^[ \t]*(?:from|import)\b[^\n]{1,1000}", re.MULTILINE)
_WORD: Final = re.compile(rb"\w+")
_MODULE: Final = b"allspark"
_USUAL: Final = "app.py"
"""The name that a program has if nothing names it."""


def type_of(target: str) -> str | None:
    """
    Return the type of the processor *target*, by its ending or its first bytes; None if neither tells it.
    """
    path = Path(split_class(target)[0])
    kind = guess_type(path)
    if kind is None and elf.is_elf(path):
        return "cpp"
    return "java" if kind is None and path.is_file() and zipfile.is_zipfile(path) else kind


def check_exists(target: str) -> None:
    """
    Check that there is a file or folder *target*.

    Raises:
        ConfigError: there is none, or it is something else.
    """
    path = Path(split_class(target)[0].removesuffix("/*"))
    try:
        path.stat()
    except OSError as error:
        raise ConfigError(f"{target}: {error.strerror}; name a processor, a folder or a service.json") from error
    if not path.is_file() and not path.is_dir():
        raise ConfigError(f"{target}: is neither a file nor a folder; name a processor, a folder or a service.json")


def processors_in(folder: Path) -> list[Path]:
    """
    Find the processors in *folder*: libraries and Python files, and *folder* itself, or those in it, for their jars.

    Raises:
        EntryNotFound: there is none.
    """
    if any((folder / name).is_dir() for name in FOLDERS):
        return [folder]
    found: list[Path] = []
    libraries: list[Path] = []
    programs: dict[Path, bytes] = {}
    for path in _files(folder):
        if path.suffix in SUFFIXES:
            place = path.parent if path.suffix == ".jar" else path
            found += [place] if not any(place.is_relative_to(other) for other in found) else []
        elif path.suffix == ".py":
            programs[path] = _imports(path)
        elif ".so" in path.name and elf.is_elf(path):
            libraries.append(path)
    found += _entries(programs)
    chosen = [path for path in libraries if _may_be_processor(path)]
    found += chosen or ([] if found else libraries)  # each will say what it lacks
    if not found:
        raise EntryNotFound(
            f"{folder}: there is no processor in it; expected a .so, a .jar, or a .py that uses allspark"
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    """
    Yield the files of *folder*, those at its top first. Links to folders are not followed, so there is no circle;
    folders that cannot be read are skipped.
    """
    count = 0
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _IGNORED and not name.startswith("."))
        for name in sorted(files):
            path = Path(current, name)
            if count == _MAX_FILES:
                return
            count += 1
            if path.is_file():
                yield path


def _entries(programs: Mapping[Path, bytes]) -> Iterator[Path]:
    """
    Yield those of *programs*, Python files and their imports, that are processors: they import allspark, no other file
    imports them, and there is no app.py beside them, which would be the processor.
    """
    words = {path: {*_WORD.findall(imports)} for path, imports in programs.items()}
    importers = Counter(word for found in words.values() for word in found)
    users = dict.fromkeys(path for path, found in words.items() if _MODULE in found)
    for path in users:
        name = path.stem.encode()
        is_module = importers[name] > (name in words[path])
        if not is_module and (path.name == _USUAL or path.with_name(_USUAL) not in users):
            yield path


def _imports(path: Path) -> bytes:
    """
    Return the lines of the Python file *path* that import something.
    """
    try:
        with path.open("rb") as file:
            return b"\n".join(_IMPORT.findall(file.read(_MAX_TEXT)))
    except OSError:
        return b""


def _may_be_processor(path: Path) -> bool:
    try:
        info = elf.read(path)
    except LoadError:
        return False
    return bool({*info.exports, *info.mangled} & {*elf.EAS_FUNCTIONS[:2]})
