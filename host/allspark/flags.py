"""
For programs that compile native code against the processor's C interface.
"""

import os
import sysconfig
from importlib.util import find_spec

_HOST = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def cflags() -> str:
    """
    Return the flags for the compiler: where `eas/processor.h` is.
    """
    spec = find_spec("eas_host")
    places = spec.submodule_search_locations if spec is not None and spec.submodule_search_locations else []
    places = [*places, os.path.join(_HOST, "eas_host"), os.path.join(os.path.dirname(_HOST), "native")]
    folders = [os.path.join(place, "include") for place in places]
    found = next((folder for folder in folders if os.path.isdir(os.path.join(folder, "eas"))), None)
    return f"-I{found or sysconfig.get_path('include')}"


def ldflags() -> str:
    """
    Return the flags for the linker: a shared library that finds its own libraries beside it.
    """
    return "-shared -Wl,-rpath=."
