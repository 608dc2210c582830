"""
What a processor's files promise, found by reading them: nothing of them runs.
"""

from __future__ import annotations

import ast
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eas_host import elf
from eas_host.config import WorkerSpec
from eas_host.deploy.environment import LIBRARY_PATH
from eas_host.errors import HostError
from eas_host.pack import search, system

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
    found = elf.facts(path)
    library_path = spec.environment.get(LIBRARY_PATH)
    libraries = list(_libraries(search.Found(path.name, found), path.parent, library_path))
    missing = [name for name, place in libraries if place is None]
    facts = {
        "machine": found.machine,
        "exports": list(found.exports),
        "libraries": {name: place for name, place in libraries if place is not None},
        "missing": missing,
    }
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
    entry = Path(spec.entry)
    own = sorted(entry.glob("*.jar")) if entry.is_dir() else [entry]
    jars = [*own, *map(Path, spec.classpath)]
    facts: dict[str, Any] = {"jars": [path.name for path in jars], "mainclass": spec.mainclass}
    name = f"{spec.mainclass.replace('.', '/')}.class" if spec.mainclass else None
    majors: list[int] = []
    for jar in jars:
        if jar.is_dir():
            continue
        try:
            with zipfile.ZipFile(jar) as archive:
                majors += _majors(archive, name)
        except (zipfile.BadZipFile, EOFError) as error:
            return Abi(facts, (f"{jar.name}: not a jar: {error}",))
    facts["java"] = max(majors) - _OLDEST_MAJOR if majors else None
    if name is not None and not majors and jars:
        return Abi(facts, (f"class {spec.mainclass} is in none of {', '.join(facts['jars'])}",))
    return Abi(facts)


def _majors(archive: zipfile.ZipFile, name: str | None) -> Iterator[int]:
    """
    The versions of the class *name* in *archive*, or of its classes.
    """
    names = archive.namelist()
    wanted = [name] if name in names else [] if name else [one for one in names if one.endswith(".class")]
    for one in wanted[:_CLASSES_READ]:
        if one is not None and not one.endswith("module-info.class") and not one.startswith("META-INF/"):
            with archive.open(one) as file:
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
