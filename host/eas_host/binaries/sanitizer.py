"""
Which sanitizer a library was built with. The runtime of some must be loaded before all other libraries, so a process
that is not started for that cannot load such a processor: ASan's ends the process, TSan's finds no room for its
variables. `sanitizer_runtime` has what such a process is started with.

GCC links the runtime, so that the library needs it by name; clang leaves it to the program, unless it is told
`-shared-libsan`, so only the functions that are called show it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import dynamic_section
from eas_host.binaries.dynamic_section import DynamicSection
from eas_host.errors import EntryInvalid

PRELOAD: Final = "LD_PRELOAD"
"""The variable with the libraries that the dynamic linker loads before all others."""


class Sanitizer(NamedTuple):
    """
    A sanitizer.

    Attributes:
        name: what it is called.
        flag: the compiler's option.
        comes_first: whether its runtime must be loaded before all other libraries.
        runtimes: the names of all libraries of sanitizers that the library needs, in their order.
    """

    name: str
    flag: str
    comes_first: bool
    runtimes: tuple[str, ...] = ()

    def is_in(self, preloaded: str) -> bool:
        """
        Tell whether all runtimes are in *preloaded*, an LD_PRELOAD.
        """
        return bool(self.runtimes) and all(name in preloaded for name in self.runtimes)

    @property
    def finds_leaks(self) -> bool:
        """
        Whether it can tell what was never freed.
        """
        return self.name in ("AddressSanitizer", "LeakSanitizer")

    @property
    def compiler(self) -> str:
        """
        The compiler whose runtime it is.
        """
        return "clang" if any("clang_rt" in name for name in self.runtimes) else "gcc"


_SANITIZERS: Final = {
    "asan": ("AddressSanitizer", "address", True),
    "hwasan": ("HWAddressSanitizer", "hwaddress", True),
    "tsan": ("ThreadSanitizer", "thread", True),
    "lsan": ("LeakSanitizer", "leak", True),
    "msan": ("MemorySanitizer", "memory", True),
    "ubsan": ("UndefinedBehaviorSanitizer", "undefined", False),
}
_RUNTIME: Final = re.compile(r"lib(?:clang_rt\.)?(asan|hwasan|tsan|lsan|msan|ubsan)(?:_standalone)?(?:-\w+)?\.so")


def find(path: Path) -> Sanitizer | None:
    """
    Find the sanitizer of the library *path*; None if it has none, or is no library that this machine can load.
    """
    section = dynamic_section.read(path)
    return None if section is None else find_sanitizer(section)


def find_sanitizer(section: DynamicSection) -> Sanitizer | None:
    """
    Find the sanitizer of the library that has *section*; None if it has none. Of several it is one whose runtime comes
    first.
    """
    needed = [(match[1], name) for name in section.needed if (match := _RUNTIME.match(name))]
    needed.sort(key=lambda one: not _SANITIZERS[one[0]][2])
    runtimes = tuple(name for _, name in needed)
    keys = [key for key, _ in needed] + [key for key in _SANITIZERS if section.mentions(f"__{key}_init")]
    found = [_make(key, runtimes) for key in keys]
    return next(iter(sorted(found, key=lambda one: not one.comes_first)), None)


def refuse(path: Path, found: Sanitizer) -> EntryInvalid:
    """
    Make the error for the library *path*, which was built with the sanitizer *found* and cannot be loaded in a process
    that is not started for that.
    """
    what = f"{path}: built with {found.name}, whose runtime must be loaded before all other libraries"
    if found.runtimes:
        options = " ASAN_OPTIONS=detect_leaks=0" if found.name == "AddressSanitizer" else ""
        start = f"start with LD_PRELOAD=$({found.compiler} -print-file-name={found.runtimes[0]}){options}"
    else:
        start = "link it with that runtime as a library of its own (gcc: no -static-lib*san; clang: -shared-libsan)"
    return EntryInvalid(f"{what}; {start}, or build it without {found.flag}")


def is_sanitizer_function(name: str) -> bool:
    """
    Tell whether *name* is a function of a sanitizer's runtime.
    """
    return re.match(r"__(asan|hwasan|tsan|lsan|msan|ubsan|sanitizer)_", name) is not None


def _make(key: str, runtimes: tuple[str, ...]) -> Sanitizer:
    name, option, comes_first = _SANITIZERS[key]
    return Sanitizer(name, f"-fsanitize={option}", comes_first, runtimes)
