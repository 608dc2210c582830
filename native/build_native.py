"""
Builds eas_host._native, the C++ part of the host as a Python module.

It uses cffi in API mode: the C compiler checks every declaration, and a call costs a tenth of a microsecond.
The declarations come from the headers in `HEADERS`, from the part between the two cdef lines of each.

There are three ways to run it: setuptools calls *ffibuilder* through its `cffi_modules` hook,
`python native/build_native.py` compiles in place, into host/eas_host/, and with a FILE it only writes what
cffi generates there, for somebody else to compile.

Warnings are shown but are not errors here: the compiler also compiles the code that cffi generates, and a
user's newer compiler may have warnings that do not exist yet. `make -C native test` compiles our own files
with -Werror.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "native" / "src"
HEADERS = (
    "crash_record.h",
    "api.h",
    "statistics.h",
    "timing.h",
    "batching.h",
    "parts.h",
    "stacks.h",
    "plane_api.h",
)
OBJECTS = ROOT / "build" / "native" / "module"
COMPILE_FLAGS = ["-std=c++17", "-O2", "-g", "-fvisibility=hidden", "-Wall", "-Wextra"]


def declarations() -> str:
    """
    Returns the parts of the headers for cffi.

    Raises:
        ValueError: a header does not have the two cdef lines.
    """
    return "".join(_declarations(SOURCES / name) for name in HEADERS)


def _declarations(header: Path) -> str:
    found = re.search(
        r"^// cdef begin\n(.*?)^// cdef end\n", header.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise ValueError(f"{header} has no part between '// cdef begin' and '// cdef end'")
    return found.group(1)


def make_builder(base: Path | None = None) -> FFI:
    """
    Makes the cffi builder of the module.

    Args:
        base: The folder to which the paths are relative; `None` for absolute paths.
    """

    def spell(path: Path) -> str:
        return str(path) if base is None else os.path.relpath(path, base)

    builder = FFI()
    builder.cdef(declarations())
    builder.set_source(
        "eas_host._native",
        "".join(f'#include "{name}"\n' for name in HEADERS),
        source_extension=".cc",
        sources=[spell(path) for path in sorted(SOURCES.glob("*.cc"))],
        include_dirs=[spell(SOURCES)],
        depends=[spell(path) for path in sorted(SOURCES.glob("*.h"))],
        extra_compile_args=COMPILE_FLAGS,
    )
    return builder


def build_in_place() -> Path:
    """
    Compiles under build/ and puts the module into the package that imports it.

    Returns:
        The module's path.
    """
    OBJECTS.mkdir(parents=True, exist_ok=True)
    # Absolute, because cffi changes into its own folder; the compiler mirrors them under OBJECTS.
    built = Path(make_builder().compile(tmpdir=str(OBJECTS), verbose=False))
    target = ROOT / "host" / "eas_host" / built.name
    target.parent.mkdir(parents=True, exist_ok=True)
    # The new file replaces the old one by a rename, so a process that runs the old module keeps its file.
    fresh = target.with_suffix(".new")
    shutil.copy2(built, fresh)
    fresh.replace(target)
    for other in target.parent.glob("_native*.so"):
        if other != target:
            other.unlink()  # from another way to build, with a suffix that Python may prefer
    return target


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make_builder().emit_c_code(sys.argv[1])
    else:
        print(build_in_place().relative_to(ROOT))
else:
    # setuptools accepts no absolute paths, and runs in the folder of setup.py.
    ffibuilder = make_builder(base=ROOT)
