"""
Where the dynamic linker looks for a library, and in which order (ld.so(8)).

Two things are added. The entry's folder, and `lib` and `lib64` in it, are looked at before the system's, since this
host has them searched. And the working directory, to which a relative rpath such as `.` refers, is the entry's folder,
since it is a worker's.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Final

from eas_host.binaries import elf
from eas_host.binaries.elf import ElfInfo
from eas_host.errors import HostError

_DEFAULT: Final = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_CACHE_LINE: Final = re.compile(r"^\s*(\S+) \(([^)]*)\) => (.+)$", re.MULTILINE)
_ORIGIN: Final = re.compile(r"\$ORIGIN\b|\$\{ORIGIN\}")
_SBIN: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/sbin", "/usr/sbin"))
"""ldconfig is not on the PATH of everybody, but everybody may ask it."""


@dataclass(frozen=True, eq=False)
class Found:
    """
    A library where it was found.

    Attributes:
        name: the name that it is needed by.
        facts: what is in it.
        place: what led there, for people.
        relative: whether a relative rpath did, so that it will be found there wherever all of it is moved together.
        user: what needs it; None: it is the entry.
    """

    name: str
    facts: ElfInfo
    place: str = ""
    relative: bool = False
    user: Found | None = None

    @property
    def path(self) -> Path:
        """
        Where it is.
        """
        return self.facts.path


@dataclass(frozen=True)
class _Candidate:
    path: Path
    place: str
    relative: bool = False


def find(name: str, user: Found, home: Path, library_path: str | None = None) -> Found | None:
    """
    Find the library *name* that *user* needs; *home* is the entry's folder, and *library_path* takes the place of this
    process's LD_LIBRARY_PATH. None: it is nowhere.
    """
    if library_path is None:
        library_path = os.environ.get("LD_LIBRARY_PATH", "")
    for candidate in _candidates(name, user, home, library_path):
        facts = _usable(candidate.path, user.facts)
        if facts is not None:
            return Found(name, facts, candidate.place, candidate.relative, user)
    return None


def rpaths(user: Found) -> Iterator[tuple[str, Found]]:
    """
    The folders of the DT_RPATHs that count for what *user* needs, each with the library that names it: its own, and
    those of the libraries that led to it.
    """
    owner: Found | None = None if user.facts.runpath else user
    while owner is not None:
        if not owner.facts.runpath:
            yield from ((folder, owner) for folder in owner.facts.rpath)
        owner = owner.user


def means(folder: str, origin: PurePath) -> str:
    """
    The path that *folder* means in the rpath of a library in *origin*.
    """
    return os.path.normpath(_ORIGIN.sub(lambda _match: str(origin), folder))


def _candidates(name: str, user: Found, home: Path, library_path: str) -> Iterator[_Candidate]:
    if "/" in name:  # not searched for, but opened: relative to the working directory
        yield _Candidate(home / name, "linked by its path", relative=not name.startswith("/"))
        return
    for folder, owner in rpaths(user):
        yield _by_rpath(name, folder, owner, home)
    for folder in library_path.replace(";", ":").split(":"):
        if folder:
            yield _Candidate(Path(folder).absolute() / name, "LD_LIBRARY_PATH")
    for folder in user.facts.runpath:
        yield _by_rpath(name, folder, user, home)
    for folder in elf.SIBLING_FOLDERS:
        yield _Candidate(home / folder / name, "beside the entry")
    for path in _cache().get(name, ()):
        yield _Candidate(path, "system")
    for default in (*_DEFAULT, *(f"{root}/{platform.machine()}-linux-gnu" for root in ("/lib", "/usr/lib"))):
        yield _Candidate(Path(default) / name, "system")


def _by_rpath(name: str, folder: str, owner: Found, home: Path) -> _Candidate:
    path = home / means(folder, owner.path.parent) / name
    return _Candidate(path, f"rpath of {owner.name}", relative=not folder.startswith("/"))


def _usable(path: Path, like: ElfInfo) -> ElfInfo | None:
    """
    What is in the library *path*; None if the dynamic linker would pass it by: it is not there, or not for this
    machine.
    """
    if not elf.is_elf(path):
        return None
    try:
        facts = elf.read(Path(os.path.normpath(path)))
    except HostError:
        return None
    return facts if (facts.machine, facts.bits) == (like.machine, like.bits) else None


@lru_cache(maxsize=1)
def _cache() -> dict[str, tuple[Path, ...]]:
    """
    The dynamic linker's cache: names, and where they are. Empty where there is none, as with musl.

    Builds for newer processors than the architecture's first ("hwcap") are passed by: the machine where the package
    runs may be an older one.
    """
    ldconfig = shutil.which("ldconfig", path=_SBIN)
    if ldconfig is None:
        return {}
    listed = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, errors="replace", check=False).stdout
    found: dict[str, tuple[Path, ...]] = {}
    for name, flags, path in _CACHE_LINE.findall(listed):
        if "hwcap" not in flags:
            found[name] = (*found.get(name, ()), Path(path))
    return found
