"""
`eas-host --include` and `eas-host --cflags`: where the public C header is, and what a compiler needs for a processor.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from eas_host.errors import ConfigError
from eas_host.scaffold.project import include_folder


def print_folder(argv: Sequence[str]) -> int:
    """
    Print the folder in which `eas/processor.h` is.

    Raises:
        ConfigError: *argv* is not empty.
    """
    _check_empty("--include", argv)
    print(include_folder())
    return 0


def print_flags(argv: Sequence[str]) -> int:
    """
    Print what makes a C++ compiler build a processor: `g++ $(eas-host --cflags) x.cc -o libx.so`.

    Raises:
        ConfigError: *argv* is not empty.
    """
    _check_empty("--cflags", argv)
    print(f"-I{shlex.quote(str(include_folder()))} -std=c++17 -fPIC -shared")
    return 0


def _check_empty(name: str, argv: Sequence[str]) -> None:
    if argv:
        raise ConfigError(
            f"{argv[0]}: eas-host {name} takes no arguments; use it as g++ $(eas-host --cflags) x.cc -o libx.so"
        )
