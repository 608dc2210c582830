"""
The class path of a Java processor, as `java -cp` would be given it: the entry first, then what --classpath names.

A jar counts as itself. A folder counts as a folder of classes and as a folder of jars, whose jars follow in the order
of their names. `folder/*` is its jars alone, as in `java -cp`. What had to be unpacked of a jar follows that jar, as
what lies in it follows a folder that was such a jar.

It is settled before the JVM starts, which takes it as it is and passes over what it cannot read without a word. Whether
a jar is one is for the JVM's side to say: it opens them all anyway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.archives import jar_layouts
from eas_host.config import WorkerSpec
from eas_host.errors import EntryInvalid, EntryNotFound

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
        EntryNotFound: something of it is not there or must not be read.
        EntryInvalid: it cannot be one.
    """
    own: list[str] = []
    inner: list[str] = []
    for element in _elements("", spec.entry, "check --entry"):
        unpacked = spec.unpacked.get(element) or _of_folder(element)
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
            raise EntryInvalid(f"{element}: a class path is cut at each ':'; rename it, or the folder that it is in")
    return ClassPath(tuple(dict.fromkeys(own)), tuple(dict.fromkeys(one for one in libraries if one not in own)))


def _of_folder(element: str) -> tuple[str, ...]:
    """
    What belongs to the folder *element* if it is a jar with jars inside that somebody has unpacked.
    """
    layout = jar_layouts.folder_layout(Path(element))
    return tuple(jar_layouts.class_path_elements(Path(element), layout)) if layout is not None else ()


def _elements(option: str, name: str, hint: str) -> Iterator[str]:
    """
    What *name* stands for, which a message calls *option* and *name*.
    """
    place = Path(name.removesuffix("*") if name.endswith(JARS_ALONE) else name)
    if not place.exists():
        raise EntryNotFound(f"{option}{name}: No such file or directory; {hint}")
    if not os.access(place, os.R_OK):
        raise EntryNotFound(f"{option}{name}: Permission denied; {hint}")
    if not place.is_dir():
        yield str(place)
        return
    if not name.endswith(JARS_ALONE):
        yield str(place)
    yield from jar_layouts.jars_in(place)
