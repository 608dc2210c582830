"""
Jars that hold more than classes: a Spring Boot jar, a web application (WAR), a jar with its libraries in lib/.

A JVM does not look into a jar in a jar, so what lies there has to be unpacked. Which jars have such a layout is told by
a look at their directory, as bytes: a jar has up to 50,000 members, and most have no layout at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host.archives import zip_directory

ENDINGS: Final = (".jar", ".war")


@dataclass(frozen=True)
class Layout:
    """
    Where a jar has what must be unpacked.

    Attributes:
        name: what such a jar is called.
        classes: the folder of its classes; `""` if they lie at its top, where a JVM finds them.
        libraries: the folders of its jars.
    """

    name: str
    classes: str
    libraries: tuple[str, ...]

    def has(self, member: str) -> bool:
        """
        Whether *member* has to be unpacked.
        """
        path = PurePosixPath(member)
        library = path.suffix == ".jar" and str(path.parent) in self.libraries
        return library or (bool(self.classes) and member.startswith(f"{self.classes}/"))


SPRING_BOOT: Final = Layout("a Spring Boot jar", "BOOT-INF/classes", ("BOOT-INF/lib",))
WAR: Final = Layout("a web application (WAR)", "WEB-INF/classes", ("WEB-INF/lib", "WEB-INF/lib-provided"))
JARS_INSIDE: Final = Layout("a jar with jars in lib/", "", ("lib",))
LAYOUTS: Final = (SPRING_BOOT, WAR, JARS_INSIDE)

FOLDERS: Final = ("BOOT-INF", "WEB-INF")
"""By these a folder is known as an unpacked one."""

_ENTRY: Final = rb"PK\x01\x02.{42}"
"""What stands before a member's name in the directory."""
_JAR: Final = rb"[^/\0]{1,250}\.jar"
_MOST: Final = 64 << 20
"""Bytes of a directory that are looked at: half a million members."""
_SIGNS: Final[Mapping[Layout, re.Pattern[bytes]]] = {
    SPRING_BOOT: re.compile(_ENTRY + rb"BOOT-INF/(classes/|lib/" + _JAR + rb")", re.DOTALL),
    WAR: re.compile(_ENTRY + rb"WEB-INF/(classes/|lib/" + _JAR + rb")", re.DOTALL),
    JARS_INSIDE: re.compile(_ENTRY + rb"lib/" + _JAR, re.DOTALL),
}


def layout(jar: Path) -> Layout | None:
    """
    Tell which layout *jar* has; None if it has none, or is no jar.
    """
    try:
        with jar.open("rb") as file:
            begin, end = zip_directory.find(file)
            file.seek(begin)
            directory = file.read(min(end - begin, _MOST))
    except (OSError, ValueError):
        return None
    return next((found for found in LAYOUTS if _SIGNS[found].search(directory)), None)


def folder_layout(folder: Path) -> Layout | None:
    """
    Tell which layout an unpacked jar, the *folder*, has; None if it has none, or one that needs nothing.
    """
    return next((found for found in (SPRING_BOOT, WAR) if (folder / found.classes).parent.is_dir()), None)


def elements(folder: Path, found: Layout) -> list[str]:
    """
    What *folder*, to which a jar of the layout *found* was unpacked, adds to a class path: classes, then jars.
    """
    classes = folder / found.classes
    return [
        *([str(classes)] if found.classes and classes.is_dir() else []),
        *(jar for name in found.libraries for jar in jars_in(folder / name)),
    ]


def jars_in(folder: Path) -> list[str]:
    """
    The jars in *folder*, sorted; none if it cannot be read.
    """
    try:
        return sorted(str(path) for path in folder.iterdir() if path.name.endswith(".jar"))
    except OSError:
        return []
