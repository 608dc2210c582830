"""
How a debugger starts this host, also where the processor has a sanitizer, whose runtime must be there first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from eas_host.binaries import sanitizer, sanitizer_runtime


def host_program() -> list[str]:
    """
    Return the words behind `python` that run this host: short ones, since users see them.
    """
    script = Path(sys.executable).with_name("eas-host")
    return [str(script)] if script.is_file() else ["-m", "eas_host"]


def lacks_sanitizer(entry: Path) -> bool:
    """
    Tell whether the library *entry* has a sanitizer for which this process was not started.
    """
    found = sanitizer.find(entry)
    return found is not None and not found.is_in(os.environ.get(sanitizer.PRELOAD, ""))


def restart(arguments: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
    """
    Run `eas-host debug` with *arguments* again in this process, with *variables* beside those that it has. A debugger
    follows.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *host_program(), "debug", *arguments]
    os.execve(command[0], command, {**os.environ, **variables})  # noqa: S606  no shell is wanted


def sanitizer_variables(entry: Path) -> dict[str, str]:
    """
    Return the variables with which the host must start to load the library *entry* into its own process, if that has a
    sanitizer. An error that it finds ends in `abort`, where gdb stops; faults are left to gdb.

    Raises:
        EntryInvalid: its runtime cannot be preloaded.
    """
    start = sanitizer_runtime.find_start(entry, os.environ, leaks=False)
    if start is None:
        return {}
    options = {
        "ASAN_OPTIONS": "detect_leaks=0:handle_segv=0:abort_on_error=1",
        "LSAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    of_user = {name: ":".join(filter(None, [value, os.environ.get(name, "")])) for name, value in options.items()}
    return {sanitizer.PRELOAD: start.variables[sanitizer.PRELOAD], **of_user}
