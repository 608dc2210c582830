"""
Which classes a Java has of its own, without running it.

They are in its file `lib/modules`, a jimage. Its table of strings has the name of each package and of each class, so
both are searched there: that a class of another package has the name is possible, and does no harm. The header is that
of `imageFile.hpp` in OpenJDK, in the machine's byte order: magic, version, flags, and four sizes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct("=IIIIIII")
_MAGIC: Final = 0xCAFEDADA
_MAX_STRINGS: Final = 64 << 20
USUAL: Final = ("java/", "javax/", "jdk/", "sun/", "com/sun/", "org/w3c/dom/", "org/xml/sax/", "org/ietf/jgss/")
"""How the packages of a JDK begin, where it has no file `modules`."""


class JavaClasses:
    """
    The classes of the Java in *home*; None stands for one that is not known.
    """

    def __init__(self, home: Path | None) -> None:
        self._strings = b"" if home is None else _strings(home / "lib" / "modules")

    def __contains__(self, name: str) -> bool:
        """
        Whether it has the class *name*, such as `java/util/Map$Entry`.
        """
        if not self._strings:
            return name.startswith(USUAL)
        package, _, simple = name.rpartition("/")
        return bool(package) and all(b"\0%b\0" % part.encode() in self._strings for part in (package, simple))


def _strings(home: Path) -> bytes:
    """
    Read the table of strings of the jimage at *home*; it is empty if there is none.
    """
    try:
        with home.open("rb") as file:
            magic, _, _, _, table, locations, size = _HEADER.unpack(file.read(_HEADER.size))
            if magic != _MAGIC or size > _MAX_STRINGS:
                return b""
            file.seek(_HEADER.size + 2 * 4 * table + locations)
            return file.read(size)
    except (OSError, struct.error):
        return b""
