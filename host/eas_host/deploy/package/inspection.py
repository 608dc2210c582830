"""
What a processor's files export, need and contain. They are read, those of a program in Python by its own Python, and
none of their code runs.
"""

from __future__ import annotations

import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from eas_host.archives import jar_layouts
from eas_host.binaries import elf, python_embedding
from eas_host.deploy.package import entries, nested_jars
from eas_host.deploy.package.environment import LIBRARY_PATH
from eas_host.deploy.python.interpreter import Confine
from eas_host.deploy.python.program_inspection import inspect_program
from eas_host.errors import HostError
from eas_host.pack.dependencies import library_search, system_libraries
from eas_host.worker.java import classpath
from eas_runtime.worker_spec import WorkerSpec

_MAJOR_OFFSET: Final = 44
"""The major version in a class file is the Java version plus 44."""
_CLASS_MAGIC: Final = b"\xca\xfe\xba\xbe"
_MAX_CLASSES_READ: Final = 500
"""How many classes are read for their version if no class is named."""


@dataclass(frozen=True)
class Inspection:
    """
    The result of an inspection.

    Attributes:
        facts: values that JSON can represent, by name.
        problems: the reasons why the processor cannot be loaded, one line each.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def inspect(spec: WorkerSpec, confine: Confine = list) -> Inspection:
    """
    Inspect the files of *spec*. The Python of a program is run for that, as a command that *confine* has confined. An
    error becomes a problem of the result.
    """
    try:
        if spec.type == "python":
            return Inspection(*inspect_program(spec, confine))
        return _inspect_library(spec) if spec.type == "cpp" else _inspect_jars(spec)
    except HostError as error:
        return Inspection(problems=(error.message,))
    except OSError as error:
        return Inspection(problems=(f"{error.filename or spec.entry}: {error.strerror}",))


def _inspect_library(spec: WorkerSpec) -> Inspection:
    path = Path(spec.entry)
    found = elf.read(path)
    library_path = spec.environment.get(LIBRARY_PATH)
    libraries = list(_needed_libraries(library_search.FoundLibrary(path.name, found), path.parent, library_path))
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
    return Inspection(facts, tuple(problems))


def _needed_libraries(
    entry: library_search.FoundLibrary, home: Path, library_path: str | None
) -> Iterator[tuple[str, str | None]]:
    """
    Yield the name and the path of each library that *entry* needs, directly or through others. Libraries of the system
    are skipped; the path is None if the library was not found.
    """
    seen: set[str] = set()
    waiting = deque([entry])
    while waiting:
        user = waiting.popleft()
        for name in user.info.needed:
            if name in seen or system_libraries.component_of(name):
                continue
            seen.add(name)
            found = library_search.find(name, user, home, library_path)
            yield name, str(found.path) if found is not None else None
            if found is not None:
                waiting.append(found)


def _inspect_jars(spec: WorkerSpec) -> Inspection:
    path = classpath.resolve(spec)
    elements = [*map(Path, path.own), *map(Path, path.libraries)]
    names = [element.name for element in elements if not element.is_dir()]
    facts: dict[str, Any] = {"jars": names, "mainclass": spec.mainclass}
    layout = next(iter(nested_jars.find(spec).values()), None) or jar_layouts.folder_layout(Path(spec.entry))
    if layout is not None:
        facts["layout"] = layout.name
    name = f"{spec.mainclass.replace('.', '/')}.class" if spec.mainclass else None
    majors: list[int] = []
    for element in elements:
        try:
            majors += _majors_in_folder(element, name) if element.is_dir() else _majors_in_jar(element, name)
        except (zipfile.BadZipFile, EOFError) as error:
            return Inspection(facts, (f"{element.name}: not a jar: {error}",))
    facts["java"] = max(majors) - _MAJOR_OFFSET if majors else None
    if name is not None and not majors and elements:
        return Inspection(facts, (f"class {spec.mainclass} is in none of {', '.join(names or map(str, elements))}",))
    return Inspection(facts)


def _majors_in_jar(jar: Path, name: str | None) -> Iterator[int]:
    """
    Yield the version of the class *name* in *jar*, or those of its classes if no class is named.
    """
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
        wanted = [name] if name in names else [] if name else [one for one in names if _is_class(one)]
        for one in wanted[:_MAX_CLASSES_READ]:
            if one is not None:
                with archive.open(one) as file:
                    yield from _major(file)


def _majors_in_folder(folder: Path, name: str | None) -> Iterator[int]:
    """
    Do the same for a *folder* of classes.
    """
    found = (path for path in entries.package_files(folder) if _is_class(path.relative_to(folder).as_posix()))
    for path in [folder / name] if name else islice(found, _MAX_CLASSES_READ):
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
