"""
Homes of Java: a second one that works, and such as cannot be used.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from support.build import need

LAYOUTS_OF_JAVA_8 = ("jre/lib/amd64/server", "lib/amd64/server", "jre/lib/aarch64/server")
"""Where a JDK, its folder jre, and a JDK for another machine have their libjvm.so."""


def installed_home() -> Path:
    """The home of this machine's Java, where a host without any choice finds it."""
    return Path(need("/usr/bin/java")).resolve().parents[1]


def second_home(target: Path) -> Path:
    """
    Makes *target* a home of the installed Java: links to all that is in there, and a copy of libjvm.so, since a JVM
    takes the place of that file for its home.
    """
    real = installed_home()
    (library,) = real.glob("lib/*/libjvm.so")
    own = target / library.relative_to(real)
    own.parent.mkdir(parents=True)
    for folder, copies in ((target, real), (target / "lib", real / "lib"), (own.parent, library.parent)):
        for path in copies.iterdir():
            if not (folder / path.name).exists() and path != library:
                (folder / path.name).symlink_to(path)
    shutil.copy2(library, own)
    return target


def home_of(target: Path, version: str = "", layout: str = "lib/server") -> Path:
    """Makes *target* look like the home of a Java of *version*; without one there is no file `release`."""
    library = target / layout / "libjvm.so"
    library.parent.mkdir(parents=True)
    library.touch()
    if version:
        (target / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return target
