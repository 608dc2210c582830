"""
gdb, which runs the host: the processor is called in the host's own process (`--isolation none`).

The breakpoint is pending until the library is loaded. `-qualified` keeps it from functions of that name in classes and
namespaces. What follows is typed by the user, whose own gdbinit is read, too. The process keeps records of its memory
(`deploy.memory_check`), so that a wrong output is explained as `invoke` does it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from eas_host.binaries import elf
from eas_host.debug.program import host_program, sanitizer_variables
from eas_host.deploy import memory_check
from eas_host.errors import ConfigError
from eas_host.worker.cpp import native_worker
from eas_runtime.worker_spec import WorkerSpec


def run(spec: WorkerSpec, arguments: Sequence[str], method: str) -> int:
    """
    Become gdb, which runs `eas-host debug --no-debugger` with *arguments*, for the processor of *spec*, and stops at
    *method*.

    Raises:
        ConfigError: there is no gdb, or the processor needs a process of its own.
        EntryInvalid: the runtime of its sanitizer cannot be preloaded.
    """
    if native_worker.is_wanted(Path(spec.entry), spec.kind):
        raise ConfigError(
            f"{spec.original(spec.entry)}: runs in a worker that is no Python process, since it starts a Python itself"
            " or --worker says so; `eas-host --log-level debug` prints the process number of that, for `gdb -p`"
        )
    gdb = shutil.which("gdb")
    if gdb is None:
        raise ConfigError("gdb is not installed: apt-get install gdb")
    variables = sanitizer_variables(Path(spec.entry)) or memory_check.variables(os.environ)
    # A package is unpacked later, by the host under gdb, so what it exports is not known here.
    entry = Path(spec.original(spec.entry))
    if method == "process" and entry.is_file() and "async_process" in elf.read(entry).exports:
        method = "async_process"  # which is called in its place
    sys.stdout.flush()
    sys.stderr.flush()
    # Without it gdb asks whether to download debug information, and does so for minutes.
    environment = {name: value for name, value in os.environ.items() if name != "DEBUGINFOD_URLS"}
    os.execve(gdb, command(gdb, arguments, method, variables), environment)  # noqa: S606  no shell is wanted


def command(gdb: str, arguments: Sequence[str], method: str, variables: Mapping[str, str]) -> list[str]:
    """
    Return the command line of *gdb*, which starts the host with *variables*.
    """
    # CPython's own commands for gdb, such as py-bt: from where the host's Python itself comes.
    helpers = f"{Path(sys.executable).resolve()}-gdb.py"
    first = [f"add-auto-load-safe-path {helpers}", "set pagination off"]
    then = [
        "set confirm off",
        "set print thread-events off",
        "set breakpoint pending on",
        *(f"set environment {name} {value}" for name, value in variables.items()),
        "handle SIGPIPE nostop noprint pass",  # a client that has gone away; Python ignores it
        f"break -qualified {method}",
        "run",
    ]
    return [
        gdb,
        "-q",
        *(word for line in first for word in ("-iex", line)),
        *(word for line in then for word in ("-ex", line)),
        "--args",
        sys.executable,
        *host_program(),
        "debug",
        "--no-debugger",
        *arguments,
    ]
