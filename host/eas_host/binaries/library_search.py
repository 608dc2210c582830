"""
Finds a library where the dynamic linker would find it: in the same folders and in the same order (ld.so(8)).

Two things differ. The entry's folder, and `lib` and `lib64` in it, are searched before the system's folders, because
this host searches them. A relative rpath such as `.` starts from the entry's folder, because that is the working
directory of a worker.
"""

from __future__ import annotations

import os
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

SYSTEM: Final = "system"
BESIDE: Final = "beside the entry"
"""Values of `FoundLibrary.found_by`."""

_DEFAULT: Final = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_CACHE_LINE: Final = re.compile(r"^\s*(\S+) \(([^)]*)\) => (.+)$", re.MULTILINE)
_ORIGIN: Final = re.compile(r"\$ORIGIN\b|\$\{ORIGIN\}")
_SBIN: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/sbin", "/usr/sbin"))
"""ldconfig is often not on the PATH of a user who is not root, but every user may run it."""


@dataclass(frozen=True, eq=False)
class FoundLibrary:
    """
    A library and how it was found.

    Attributes:
        name: the name by which it is needed.
        info: what its file says.
        found_by: the rule that led to it, for people.
        relative: whether a relative rpath led to it. Then it is still found if the whole folder is moved.
        needed_by: the library that needs it; None if it is the entry.
    """

    name: str
    info: ElfInfo
    found_by: str = ""
    relative: bool = False
    needed_by: FoundLibrary | None = None

    @property
    def path(self) -> Path:
        """
        The file of the library.
        """
        return self.info.path


@dataclass(frozen=True)
class _Candidate:
    path: Path
    found_by: str
    relative: bool = False


def find(name: str, user: FoundLibrary, home: Path, library_path: str | None = None) -> FoundLibrary | None:
    """
    Find the library *name* that *user* needs; None if there is none. *home* is the entry's folder. *library_path* is
    used in the place of this process's LD_LIBRARY_PATH.
    """
    if library_path is None:
        library_path = os.environ.get("LD_LIBRARY_PATH", "")
    return _first_usable(name, user, _candidates(name, user, home, library_path))


def find_in_system(name: str, user: FoundLibrary) -> FoundLibrary | None:
    """
    Find the library *name* in the system's folders alone: its own libraries are in a worker before a processor is.
    """
    return _first_usable(name, user, _system_candidates(name))


def _first_usable(name: str, user: FoundLibrary, candidates: Iterator[_Candidate]) -> FoundLibrary | None:
    for candidate in candidates:
        info = _usable(candidate.path, user.info)
        if info is not None:
            return FoundLibrary(name, info, candidate.found_by, candidate.relative, user)
    return None


def rpaths(user: FoundLibrary) -> Iterator[tuple[str, FoundLibrary]]:
    """
    Yield the folders of all DT_RPATHs that count when *user* needs a library: its own, and those of the libraries that
    led to it. Each folder comes with the library that names it.
    """
    owner: FoundLibrary | None = None if user.info.runpath else user
    while owner is not None:
        if not owner.info.runpath:
            yield from ((folder, owner) for folder in owner.info.rpath)
        owner = owner.needed_by


def expand_origin(folder: str, origin: PurePath) -> str:
    """
    Replace $ORIGIN in *folder*, a folder or another path that a library in *origin* names.
    """
    return os.path.normpath(_ORIGIN.sub(lambda _match: str(origin), folder))


def _candidates(name: str, user: FoundLibrary, home: Path, library_path: str) -> Iterator[_Candidate]:
    if "/" in name:  # the linker does not search for it, but opens this path, relative to the working directory
        path = home / expand_origin(name, user.path.parent)
        yield _Candidate(path, "linked by its path", relative=not name.startswith("/"))
        return
    for folder, owner in rpaths(user):
        yield _by_rpath(name, folder, owner, home)
    for folder in library_path.replace(";", ":").split(":"):
        if folder:
            yield _Candidate(Path(folder).absolute() / name, "LD_LIBRARY_PATH")
    for folder in user.info.runpath:
        yield _by_rpath(name, folder, user, home)
    for folder in elf.SIBLING_FOLDERS:
        yield _Candidate(home / folder / name, BESIDE)
    yield from _system_candidates(name)


def _system_candidates(name: str) -> Iterator[_Candidate]:
    for path in _cache().get(name, ()):
        yield _Candidate(path, SYSTEM)
    for default in (*_DEFAULT, *(f"{root}/{os.uname().machine}-linux-gnu" for root in ("/lib", "/usr/lib"))):
        yield _Candidate(Path(default) / name, SYSTEM)


def _by_rpath(name: str, folder: str, owner: FoundLibrary, home: Path) -> _Candidate:
    path = home / expand_origin(folder, owner.path.parent) / name
    return _Candidate(path, f"rpath of {owner.name}", relative=not folder.startswith("/"))


def _usable(path: Path, like: ElfInfo) -> ElfInfo | None:
    """
    Read the library *path*; None if the dynamic linker would skip it, because it is not there or is for another
    machine.
    """
    if not elf.is_elf(path):
        return None
    try:
        info = elf.read(Path(os.path.normpath(path)))
    except HostError:
        return None
    return info if (info.machine, info.bits) == (like.machine, like.bits) else None


@lru_cache(maxsize=1)
def _cache() -> dict[str, tuple[Path, ...]]:
    """
    Read the dynamic linker's cache: the paths of each name. It is empty if there is no cache, as with musl.

    Builds for newer CPUs ("hwcap") are skipped, because the machine where the package runs can have an older CPU.
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
