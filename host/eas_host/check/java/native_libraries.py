"""
Finds the native libraries that a Java processor loads by name, and that are nowhere.

A class that calls `System.loadLibrary` has the library's name among its texts, unless it makes the name up. So if none
of these texts names a library that is there, the class is likely to fail.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from eas_host.archives.class_file import ClassFile
from eas_host.check.finding import WARNING, Finding, list_names

_OPTION: Final = "-Djava.library.path="
_NAME: Final = re.compile(r"[\w.+-]+")
_SYSTEM: Final = (
    "/usr/java/packages/lib",
    *(f"{root}/{platform.machine()}-linux-gnu{end}" for root in ("/usr/lib", "/lib") for end in ("/jni", "")),
    "/usr/lib/jni",
    "/usr/lib64",
    "/lib64",
    "/lib",
    "/usr/lib",
)
"""Where a JVM looks if it is not told: OpenJDK's own folders, and those that Debian adds."""


def check_native_libraries(
    found: ClassFile, home: Path | None, options: Sequence[str], library_path: str, subject: str
) -> Iterator[Finding]:
    """
    Say which libraries the class *found* loads in vain, in the JVM of *home* with *options* and LD_LIBRARY_PATH.
    """
    names = [name for name in found.strings if _NAME.fullmatch(name)]
    if not found.loads_library or not names:
        return
    own = [option.removeprefix(_OPTION) for option in options if option.startswith(_OPTION)]
    places = [*(own[-1] if own else library_path).split(os.pathsep), *(() if own else _SYSTEM)]
    places += [] if home is None else [str(home / "lib")]
    if not any(Path(place, f"lib{name}.so").is_file() for place in filter(None, places) for name in names):
        who = found.name.replace("/", ".")
        what = f"{who} calls System.loadLibrary, and there is no {list_names([f'lib{name}.so' for name in names], 3)}"
        yield Finding(WARNING, subject, what, f'add its folder with --jvm-options "{_OPTION}FOLDER"')
