"""
Jars that hold more than classes: a Spring Boot jar, a web application (WAR), a jar with its libraries in lib/.

A JVM does not look into a jar in a jar, so what lies there has to be unpacked. To find out which layout a jar has, its
directory is searched as bytes: a jar has up to 50,000 members, and most jars have no such layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives import zip_directory

SUFFIXES: Final = (".jar", ".war")


@dataclass(frozen=True)
class JarLayout:
    """
    The folders of a jar that must be unpacked.

    Attributes:
        name: what such a jar is called.
        classes: the folder of its classes; `""` if they lie at its top, where a JVM finds them.
        libraries: the folders of its jars.
    """

    name: str
    classes: str
    libraries: tuple[str, ...]

    def must_unpack(self, member: str) -> bool:
        """
        Tell whether a JVM finds *member* only if it is unpacked.
        """
        path = PurePosixPath(member)
        library = path.suffix == ".jar" and str(path.parent) in self.libraries
        return library or (bool(self.classes) and member.startswith(f"{self.classes}/"))


SPRING_BOOT: Final = JarLayout("a Spring Boot jar", "BOOT-INF/classes", ("BOOT-INF/lib",))
WAR: Final = JarLayout("a web application (WAR)", "WEB-INF/classes", ("WEB-INF/lib", "WEB-INF/lib-provided"))
JARS_INSIDE: Final = JarLayout("a jar with jars in lib/", "", ("lib",))
LAYOUTS: Final = (SPRING_BOOT, WAR, JARS_INSIDE)

FOLDERS: Final = ("BOOT-INF", "WEB-INF")
"""A folder that holds one of these is an unpacked jar."""

_ENTRY: Final = rb"PK\x01\x02.{42}"
"""The bytes before a member's name in the directory (APPNOTE.TXT, 4.3.12)."""
_JAR: Final = rb"[^/\0]{1,250}\.jar"
_MAX_DIRECTORY: Final = 64 << 20
"""How many bytes of a directory are searched: enough for half a million members."""
_PATTERNS: Final[Mapping[JarLayout, re.Pattern[bytes]]] = {
    SPRING_BOOT: re.compile(_ENTRY + rb"BOOT-INF/(classes/|lib/" + _JAR + rb")", re.DOTALL),
    WAR: re.compile(_ENTRY + rb"WEB-INF/(classes/|lib/" + _JAR + rb")", re.DOTALL),
    JARS_INSIDE: re.compile(_ENTRY + rb"lib/" + _JAR, re.DOTALL),
}


def layout(jar: Path) -> JarLayout | None:
    """
    Find the layout of *jar*; None if it has none of these, or is no jar.
    """
    try:
        with jar.open("rb") as file:
            begin, end = zip_directory.find(file)
            file.seek(begin)
            directory = file.read(min(end - begin, _MAX_DIRECTORY))
    except (OSError, ValueError):
        return None
    return next((found for found in LAYOUTS if _PATTERNS[found].search(directory)), None)


def folder_layout(folder: Path) -> JarLayout | None:
    """
    Find the layout of *folder*, an unpacked jar; None if it has none, or if a JVM finds all of it as it is.
    """
    return next((found for found in (SPRING_BOOT, WAR) if (folder / found.classes).parent.is_dir()), None)


def class_path_elements(folder: Path, found: JarLayout) -> list[str]:
    """
    List what *folder*, into which a jar of the layout *found* was unpacked, adds to a class path: classes, then jars.
    """
    classes = folder / found.classes
    return [
        *([str(classes)] if found.classes and classes.is_dir() else []),
        *(jar for name in found.libraries for jar in jars_in(folder / name)),
    ]


def jars_in(folder: Path) -> list[str]:
    """
    List the jars in *folder*, sorted; none if it cannot be read.
    """
    try:
        return sorted(str(path) for path in folder.iterdir() if path.name.endswith(".jar"))
    except OSError:
        return []
