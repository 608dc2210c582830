"""
For programs that compile native code against the processor's C interface.
"""

from __future__ import annotations

import sysconfig
from importlib.util import find_spec
from pathlib import Path


def cflags() -> str:
    """
    Return the flags for the compiler: where `eas/processor.h` is.
    """
    spec = find_spec("eas_host")
    places = spec.submodule_search_locations if spec is not None and spec.submodule_search_locations else []
    folders = [Path(place) / "include" for place in places]
    source = Path(__file__).resolve().parents[2] / "native" / "include"
    found = next((folder for folder in [*folders, source] if (folder / "eas").is_dir()), None)
    return f"-I{found or sysconfig.get_path('include')}"


def ldflags() -> str:
    """
    Return the flags for the linker: a shared library that finds its own libraries beside it.
    """
    return "-shared -Wl,-rpath=."
