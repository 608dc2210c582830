"""
What the home of a Java tells without being run: its version, and where its JVM is.

The oldest Java is 11: the bridge is compiled for it. 9 and 10 have long had no updates, and lack `ErrorFileToStderr`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

OLDEST_JAVA: Final = 11

_LIBRARY: Final = "lib/*/libjvm.so"
_USUAL: Final = "server"
"""Its folder; zero is for machines without a compiler, minimal and client are for small ones."""
_OLD_LIBRARIES: Final = ("lib/*/*/libjvm.so", "jre/lib/*/*/libjvm.so")
"""Until Java 8, with a folder for the machine, and in a JDK below jre (JEP 220). Debian's has no file `release`."""

_COMMAND: Final = Path("/usr/bin/java")
_FOLDERS: Final = (Path("/usr/lib/jvm"), Path("/usr/java"), Path("/opt/sun"))
"""Where systems have their Java, and where they keep several."""


class UnusableJava(ValueError):
    """
    No processor can run on this Java. The text says why; it follows the name of the home.
    """


def find_libjvm(home: Path) -> Path:
    """
    Find the library of the JVM in *home*.

    Raises:
        UnusableJava: there is none, or it is too old.
    """
    version = java_version(home)
    libraries = sorted(home.glob(_LIBRARY), key=lambda path: (path.parent.name != _USUAL, path))
    is_old = not libraries and any(any(home.glob(pattern)) for pattern in _OLD_LIBRARIES)
    if is_old or (version is not None and version < OLDEST_JAVA):
        raise UnusableJava(
            f"it is Java {version or '8 or older'}; processors run on Java {OLDEST_JAVA} and later,"
            " also those that were compiled for an older one"
        )
    if not libraries:
        raise UnusableJava(f"there is no JVM in it; expected the home of a Java {OLDEST_JAVA} or later")
    return libraries[0]


def machine_home() -> Path | None:
    """
    Find the home of the Java of this machine: that of /usr/bin/java, else the first that systems keep; None if there is
    none, as far as the files show.
    """
    own = [_COMMAND.resolve().parents[1]] if _COMMAND.exists() else []
    for home in (*own, *(path.resolve() for folder in _FOLDERS for path in sorted(folder.glob("*")))):
        if any(any(home.glob(pattern)) for pattern in (_LIBRARY, *_OLD_LIBRARIES)):
            return home.parent if home.name == "jre" else home  # that of /usr/bin/java is often in the JDK's jre
    return None


def java_version(home: Path) -> int | None:
    """
    Read the version of the Java in *home* from its file `release`; None if the file does not tell it.
    """
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(match[1]) if match else None
