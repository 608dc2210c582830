"""
What a processor's files promise, found by reading them: nothing of them runs.
"""

from __future__ import annotations

import ast
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from eas_host.archives import jar_layouts
from eas_host.binaries import elf, python_embedding
from eas_host.config import WorkerSpec
from eas_host.deploy import entries, unpacking
from eas_host.deploy.environment import LIBRARY_PATH
from eas_host.errors import HostError
from eas_host.pack import search, system
from eas_host.worker.java import classpath

_OLDEST_MAJOR: Final = 44
"""The major version in a class file is Java's plus 44."""
_CLASS_MAGIC: Final = b"\xca\xfe\xba\xbe"
_CLASSES_READ: Final = 500
"""Classes whose version is looked at where no class is named."""
_BASE: Final = "BaseProcessor"


@dataclass(frozen=True)
class Abi:
    """
    What was found.

    Attributes:
        facts: by name, values that JSON can carry.
        problems: why it cannot be loaded, one line each.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def look(spec: WorkerSpec) -> Abi:
    """
    Look into the files of *spec*.
    """
    lookers = {"cpp": _library, "java": _jars, "python": _program}
    try:
        return lookers[spec.type](spec)
    except HostError as error:
        return Abi(problems=(error.message,))
    except OSError as error:
        return Abi(problems=(f"{error.filename or spec.entry}: {error.strerror}",))


def _library(spec: WorkerSpec) -> Abi:
    path = Path(spec.entry)
    found = elf.read(path)
    library_path = spec.environment.get(LIBRARY_PATH)
    libraries = list(_libraries(search.Found(path.name, found), path.parent, library_path))
    missing = [name for name, place in libraries if place is None]
    facts = {
        "machine": found.machine,
        "exports": list(found.exports),
        "libraries": {name: place for name, place in libraries if place is not None},
        "missing": missing,
    }
    starter = python_embedding.find_starter(path)
    if starter is not None:
        facts["starts_python"] = starter.what
    problems = [f"{path.name}: missing library {name}; put it beside the .so" for name in missing]
    try:
        elf.check(path)
        elf.check_exports(found)
    except HostError as error:
        problems.append(error.message)
    return Abi(facts, tuple(problems))


def _libraries(entry: search.Found, home: Path, library_path: str | None) -> Iterator[tuple[str, str | None]]:
    """
    What *entry* needs, and what that needs: each name once, with where it is. Parts of the system are passed over.
    """
    seen: set[str] = set()
    waiting = deque([entry])
    while waiting:
        user = waiting.popleft()
        for name in user.facts.needed:
            if name in seen or system.part_of(name):
                continue
            seen.add(name)
            found = search.find(name, user, home, library_path)
            yield name, str(found.path) if found is not None else None
            if found is not None:
                waiting.append(found)


def _jars(spec: WorkerSpec) -> Abi:
    path = classpath.resolve(spec)
    elements = [*map(Path, path.own), *map(Path, path.libraries)]
    names = [element.name for element in elements if not element.is_dir()]
    facts: dict[str, Any] = {"jars": names, "mainclass": spec.mainclass}
    layout = next(iter(unpacking.packed(spec).values()), None) or jar_layouts.folder_layout(Path(spec.entry))
    if layout is not None:
        facts["layout"] = layout.name
    name = f"{spec.mainclass.replace('.', '/')}.class" if spec.mainclass else None
    majors: list[int] = []
    for element in elements:
        try:
            majors += _majors_in_folder(element, name) if element.is_dir() else _majors_in_jar(element, name)
        except (zipfile.BadZipFile, EOFError) as error:
            return Abi(facts, (f"{element.name}: not a jar: {error}",))
    facts["java"] = max(majors) - _OLDEST_MAJOR if majors else None
    if name is not None and not majors and elements:
        return Abi(facts, (f"class {spec.mainclass} is in none of {', '.join(names or map(str, elements))}",))
    return Abi(facts)


def _majors_in_jar(jar: Path, name: str | None) -> Iterator[int]:
    """
    The versions of the class *name* in *jar*, or of its classes.
    """
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
        wanted = [name] if name in names else [] if name else [one for one in names if _is_class(one)]
        for one in wanted[:_CLASSES_READ]:
            if one is not None:
                with archive.open(one) as file:
                    yield from _major(file)


def _majors_in_folder(folder: Path, name: str | None) -> Iterator[int]:
    """
    The same of a *folder* of classes.
    """
    found = (path for path in entries.files(folder) if _is_class(path.relative_to(folder).as_posix()))
    for path in [folder / name] if name else islice(found, _CLASSES_READ):
        if path.is_file():
            with path.open("rb") as file:
                yield from _major(file)


def _is_class(name: str) -> bool:
    inner = name.startswith(("META-INF/", *(f"{folder}/" for folder in jar_layouts.FOLDERS)))
    return name.endswith(".class") and not name.endswith("module-info.class") and not inner


def _major(file: IO[bytes]) -> Iterator[int]:
    head = file.read(8)
    if head.startswith(_CLASS_MAGIC):
        yield int.from_bytes(head[6:8], "big")


def _program(spec: WorkerSpec) -> Abi:
    entry = Path(spec.entry)
    facts: dict[str, Any] = {"file": entry.name, "interpreter": spec.interpreter, "processors": []}
    try:
        tree = ast.parse(entry.read_bytes(), entry.name)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        return Abi(facts, (f"{entry.name}{line}: {type(error).__name__}: {getattr(error, 'msg', error)}",))
    facts["processors"] = _subclasses(tree)
    return Abi(facts)


def _subclasses(tree: ast.Module) -> list[str]:
    """
    The classes of *tree* that extend allspark's, directly or over another one.
    """
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
            if bases & {_BASE, *found}:
                found.append(node.name)
    return found
