"""
The class path of a Java processor, as `java -cp` would be given it: the entry first, then what --classpath names.

A jar counts as itself. A folder counts as a folder of classes and as a folder of jars, whose jars follow in the order
of their names. `folder/*` is its jars alone, as in `java -cp`. What was unpacked from a jar, since a JVM does not look
into jars in a jar, follows that jar. If a folder is such a jar, unpacked, the same parts of it follow the folder.

The class path is resolved before the JVM starts, because the JVM silently ignores what it cannot read. The bridge
checks whether each jar is a valid one: it opens all of them anyway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.archives import jar_layouts
from eas_host.errors import EntryInvalid, EntryNotFound
from eas_runtime.worker_spec import WorkerSpec

JARS_ALONE: Final = "/*"


@dataclass(frozen=True)
class ClassPath:
    """
    Jars and folders of classes, by their absolute paths.

    Attributes:
        own: those in which the processor's class is looked for.
        libraries: the others.
    """

    own: tuple[str, ...]
    libraries: tuple[str, ...]

    def __str__(self) -> str:
        return ":".join((*self.own, *self.libraries))


def resolve(spec: WorkerSpec) -> ClassPath:
    """
    Find the class path of *spec*.

    Raises:
        EntryNotFound: an element does not exist, or must not be read.
        EntryInvalid: the entry has no jar, or the path of an element has a ':'.
    """
    own: list[str] = []
    inner: list[str] = []
    for element in _elements("", spec.entry, "check --entry"):
        unpacked = spec.unpacked.get(element) or _unpacked_parts(element)
        folders = [path for path in unpacked if not path.endswith(".jar")]
        own += [element, *(folders or unpacked)]
        inner += unpacked if folders else ()
    if not own:
        raise EntryInvalid(f"{spec.entry}: there is no .jar in it; --entry must name a .jar or a folder of jars")
    libraries = [
        *inner,
        *(
            element
            for named in spec.classpath
            for element in _elements(
                "--classpath ",
                named,
                "give --classpath once for each path" if ":" in named else "check --classpath",
            )
        ),
    ]
    for element in (*own, *libraries):
        if ":" in element:
            raise EntryInvalid(f"{element}: a class path cannot have a ':'; rename it, or the folder that it is in")
    return ClassPath(tuple(dict.fromkeys(own)), tuple(dict.fromkeys(one for one in libraries if one not in own)))


def _unpacked_parts(element: str) -> tuple[str, ...]:
    """
    Return the parts of the folder *element* that belong to the class path, if it is an unpacked jar with jars inside.
    """
    layout = jar_layouts.folder_layout(Path(element))
    return tuple(jar_layouts.class_path_elements(Path(element), layout)) if layout is not None else ()


def _elements(option: str, name: str, hint: str) -> Iterator[str]:
    """
    Yield the elements that *name* stands for. A message begins with *option* and *name*, and ends with *hint*.
    """
    path = Path(name.removesuffix("*") if name.endswith(JARS_ALONE) else name)
    if not path.exists():
        raise EntryNotFound(f"{option}{name}: No such file or directory; {hint}")
    if not os.access(path, os.R_OK):
        raise EntryNotFound(f"{option}{name}: Permission denied; {hint}")
    if not path.is_dir():
        yield str(path)
        return
    if not name.endswith(JARS_ALONE):
        yield str(path)
    yield from jar_layouts.jars_in(path)
