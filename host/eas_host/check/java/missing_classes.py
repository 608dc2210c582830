"""
Finds the classes that a Java processor refers to and that are nowhere: neither on its class path nor in the JVM.

Libraries refer to much that a program never uses. So only the program's own classes are looked at: those that the
processor's class leads to, in the processor's own jar and below the same first two folders, such as `com/example`. A
class that catches what a missing class raises can do without it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from eas_host.archives import jar_layouts
from eas_host.archives.class_file import ClassFile
from eas_host.binaries.java_classes import JavaClasses
from eas_host.check.finding import ERROR, WARNING, Finding
from eas_host.check.java.class_index import ClassIndex, open_classes

_MAX_CLASSES: Final = 5000
_MAX_JARS: Final = 200
_MAX_FINDINGS: Final = 20
_HANDLERS: Final = frozenset(
    f"java/lang/{name}" for name in ("ClassNotFoundException", "LinkageError", "NoClassDefFoundError", "Throwable")
)
_PREFIX_PARTS: Final = 2


def check_references(
    name: str, own: list[Path], index: ClassIndex, java: JavaClasses, subject: str
) -> Iterator[Finding]:
    """
    Say which classes the processor *name* needs in vain. *own* are the elements of the class path that are its own.
    """
    missing: dict[str, tuple[str, bool]] = {}
    for found in own_classes(name, own, index):
        for reference in sorted(found.references):
            if reference not in index and reference not in java and reference.partition("$")[0] not in missing:
                missing[reference] = found.name, bool(found.references & _HANDLERS)
    nearby = _nearby_jars(own)
    for number, (absent, (user, is_optional)) in enumerate(missing.items()):
        if number == _MAX_FINDINGS:
            yield Finding(ERROR, subject, f"{len(missing) - number} further classes are missing")
            return
        what = f"class {_dotted(absent)} is missing, which {_dotted(user)} refers to"
        jar = next((path for path in nearby if _has(path, absent)), None)
        advice = f"it is in {jar.name}: add --classpath {jar}" if jar else "add the jar that has it with --classpath"
        yield Finding(WARNING if is_optional else ERROR, subject, what, advice)


def own_classes(name: str, own: list[Path], index: ClassIndex) -> Iterator[ClassFile]:
    """
    Yield the program's own classes: those in *own* that the class *name* leads to.
    """
    candidates = set(index.names(own))
    prefix = _prefix(name)
    waiting, seen = deque([name]), {name}
    while waiting and len(seen) < _MAX_CLASSES:
        found = index.get(waiting.popleft())
        if found is None:
            continue
        yield found
        for reference in sorted(found.references & candidates):
            if reference not in seen and _prefix(reference) == prefix:
                seen.add(reference)
                waiting.append(reference)


def _prefix(name: str) -> tuple[str, ...]:
    return tuple(name.split("/")[:-1][:_PREFIX_PARTS])


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _nearby_jars(own: Iterable[Path]) -> list[Path]:
    """
    Return the jars beside *own*, and those in a folder lib there.
    """
    folders = dict.fromkeys(place for path in own for place in (path.parent, path.parent / "lib"))
    return [Path(jar) for folder in folders for jar in jar_layouts.jars_in(folder)][:_MAX_JARS]


def _has(jar: Path, name: str) -> bool:
    with open_classes([jar]) as index:
        return name in index
