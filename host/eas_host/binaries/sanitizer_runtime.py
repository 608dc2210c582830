"""
With which variables a process starts that is to load a library with a sanitizer: the runtime preloaded, and options.

The user's own options stand behind these, so that they win. Ours say:

- AddressSanitizer reports faults itself (`handle_segv`), in spite of the host's crash handler: it knows more. Of the
  other signals, and under the other sanitizers, the host's handler knows more.
- Leaks are only looked for if the user asks for that.
- UndefinedBehaviorSanitizer says where; without that it has one line.
- ThreadSanitizer does not follow the host's own code, which was not built with it and synchronizes by other means.
- Frames have the file and the offset in it, so that the host can find functions and lines as it does for crashes: in
  a tenth of the time. So the runtimes need not, unless there may be names of functions that they shall pass over, or
  names of variables, as in the reports of ThreadSanitizer.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from eas_host.binaries import elf, library_search, sanitizer
from eas_host.binaries.library_search import FoundLibrary
from eas_host.binaries.sanitizer import PRELOAD, Sanitizer

_LIBRARY_PATH: Final = "LD_LIBRARY_PATH"
_FRAMES: Final = 'stack_trace_format="    #%n %p (%m+%o)"'
_ADDRESSES_ONLY: Final = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
_SUPPRESSIONS: Final = "suppressions"
_COMPILER_SECONDS: Final = 10


class SanitizerStart(NamedTuple):
    """
    How a process starts that is to load a library with a sanitizer.

    Attributes:
        name: the sanitizer.
        runtimes: the libraries that are preloaded for it.
        variables: those that differ from what the process would have otherwise.
    """

    name: str
    runtimes: tuple[Path, ...]
    variables: dict[str, str]

    def __str__(self) -> str:
        return f"built with {self.name}: its worker starts with {' and '.join(map(str, self.runtimes))}"


def find_start(entry: Path, environment: Mapping[str, str], *, leaks: bool) -> SanitizerStart | None:
    """
    Find how a process starts that is to load the library *entry*; None if that has no sanitizer.

    Args:
        entry: a library.
        environment: the variables that the process would have otherwise.
        leaks: whether the process reports leaks at its end.

    Raises:
        EntryInvalid: its runtime cannot be preloaded; the message says what to do.
    """
    found = sanitizer.find(entry)
    if found is None:
        return None
    preloaded = environment.get(PRELOAD, "")
    library_path = environment.get(_LIBRARY_PATH, "")
    paths = tuple(filter(None, [_find_runtime(name, found, entry, library_path) for name in found.runtimes]))
    if not paths or len(paths) < len(found.runtimes):
        raise sanitizer.refuse(entry, found)
    ours = {PRELOAD: ":".join(filter(None, [*map(str, paths), preloaded]))}
    for name, options in _options(found, leaks=leaks).items():
        of_user = environment.get(name, "")
        addresses = "symbolize=0" if name in _ADDRESSES_ONLY and _SUPPRESSIONS not in of_user else ""
        ours[name] = ":".join(filter(None, [options, addresses, of_user]))
    return SanitizerStart(found.name, paths, ours)


def _options(found: Sanitizer, *, leaks: bool) -> dict[str, str]:
    detect_leaks = f"detect_leaks={int(leaks)}"
    return {
        "ASAN_OPTIONS": f"{detect_leaks}:handle_segv=2:{_FRAMES}",
        # AddressSanitizer reads these, too, and they would win over the user's ASAN_OPTIONS.
        **({"LSAN_OPTIONS": f"{detect_leaks}:{_FRAMES}"} if found.name == "LeakSanitizer" else {}),
        "TSAN_OPTIONS": f"ignore_noninstrumented_modules=1:{_FRAMES}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:{_FRAMES}",
    }


def _find_runtime(name: str, found: Sanitizer, entry: Path, library_path: str) -> Path | None:
    """
    Find the library *name* where the dynamic linker would, or with the compiler, which may be in no folder of the
    system.
    """
    user = FoundLibrary(entry.name, elf.read(entry))
    library = library_search.find(name, user, entry.absolute().parent, library_path)
    if library is not None:
        return library.path
    try:
        command = [found.compiler, f"-print-file-name={name}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    path = Path(os.path.normpath(done.stdout.strip()))
    return path if path.is_absolute() and path.is_file() else None
