"""
Builds eas_host._native, the C++ part of the host as a Python module.

cffi in API mode: the C compiler checks every declaration, and a call costs a tenth of a microsecond. The
declarations are not written twice; they are cut from src/api.h, between its two cdef lines.

It runs in two ways: setuptools calls *ffibuilder* through the `cffi_modules` hook, and
`python native/build_native.py` compiles in place, into host/eas_host/.

Warnings are shown but are not errors here: the same compiler run includes the C code that cffi generates,
which is not ours, and a user's newer compiler may know warnings that no version of ours could have avoided.
Our own files are compiled with -Werror by `make -C native test`.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "native" / "src"
OBJECTS = ROOT / "build" / "native" / "module"
COMPILE_FLAGS = ["-std=c++17", "-O2", "-g", "-fvisibility=hidden", "-Wall", "-Wextra"]


def declarations() -> str:
    """
    Returns the part of api.h that cffi shall see.

    Raises:
        ValueError: The two cdef lines are not there.
    """
    header = (SOURCES / "api.h").read_text(encoding="utf-8")
    found = re.search(r"^// cdef begin\n(.*?)^// cdef end\n", header, re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError(f"{SOURCES / 'api.h'} has no part between '// cdef begin' and '// cdef end'")
    return found.group(1)


def make_builder(base: Path | None = None) -> FFI:
    """
    Describes the module to cffi.

    Args:
        base: What the paths are relative to; absolute paths if it is `None`.
    """

    def spell(path: Path) -> str:
        return str(path) if base is None else os.path.relpath(path, base)

    builder = FFI()
    builder.cdef(declarations())
    builder.set_source(
        "eas_host._native",
        '#include "api.h"',
        source_extension=".cc",
        sources=[spell(path) for path in sorted(SOURCES.glob("*.cc"))],
        include_dirs=[spell(SOURCES)],
        depends=[spell(path) for path in sorted(SOURCES.glob("*.h"))],
        extra_compile_args=COMPILE_FLAGS,
    )
    return builder


def build_in_place() -> Path:
    """
    Compiles under build/ and puts the module beside the package that imports it.

    Returns:
        The module's path.
    """
    OBJECTS.mkdir(parents=True, exist_ok=True)
    # Absolute, because cffi changes into its own folder; the compiler mirrors them under OBJECTS.
    built = Path(make_builder().compile(tmpdir=str(OBJECTS), verbose=False))
    target = ROOT / "host" / "eas_host" / built.name
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: a process that runs the old module keeps its file.
    fresh = target.with_suffix(".new")
    shutil.copy2(built, fresh)
    fresh.replace(target)
    for other in target.parent.glob("_native*.so"):
        if other != target:
            other.unlink()  # of another way to build: Python would prefer one of its suffixes
    return target


if __name__ == "__main__":
    print(build_in_place().relative_to(ROOT))
else:
    # setuptools refuses absolute paths, and stays in the folder of setup.py.
    ffibuilder = make_builder(base=ROOT)
