"""
The program that a native worker becomes when it cannot load its processor: it tells the front why.

A library that is missing may lie beside the processor, where the dynamic linker does not look for it; libpython may lie
with the Python that runs the host. Then the native worker gets another try with LD_LIBRARY_PATH, which is read only
when a program starts. The one try is enough: it names all such folders.
"""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from pathlib import Path
from typing import Final

from eas_host.binaries import python_embedding
from eas_host.binaries.elf import SIBLING_FOLDERS
from eas_host.errors import EntryInvalid, InitializeFailed, LoadError
from eas_host.worker.cpp import native_worker
from eas_host.worker.cpp.library import state_error, threw_error
from eas_host.worker.cpp.processor import explain
from eas_host.worker.cpp.sibling_libraries import MISSING
from eas_runtime.control import SocketChannel
from eas_runtime.worker_process import LOAD_FAILED, Inheritance, ignore_signals, report
from eas_runtime.worker_spec import WorkerSpec

_OPEN: Final = "open"


def main() -> int:
    """
    Become the native worker once more, or tell the front why the processor cannot be loaded.

    The arguments are CONTROL MEMORY COMPLETION LOG PARENT SPEC TRIED STEP TEXT: those of the native worker, how many
    folders it has tried already, and the step that failed, with the text of its error.

    Returns:
        The process's exit code.
    """
    ignore_signals()
    *numbers, step, text = sys.argv[1:]
    *inherited, spec_fd, tried = map(int, numbers)
    inheritance = Inheritance(*inherited)
    spec = native_worker.spec_in(spec_fd)
    text = os.fsencode(text).decode("utf-8", "replace")
    if step == _OPEN and not tried and MISSING.match(text):
        native_worker.become(spec, inheritance, library_folders=_folders(Path(spec.entry)))
    error = _error(spec, step, text)
    control = SocketChannel(socket.socket(fileno=inheritance.control), on_end=lambda: None)
    report(control, type(error).__name__, error.message, error.detail)
    return LOAD_FAILED


def _folders(entry: Path) -> list[Path]:
    """
    Return the folders, besides the system's, that may have the libraries that *entry* needs.
    """
    siblings = [entry.parent / name for name in SIBLING_FOLDERS]
    python = Path(sysconfig.get_config_var("LIBDIR") or "/", python_embedding.find_libpython(entry))
    return [*siblings, python.parent] if python.is_file() else siblings


def _error(spec: WorkerSpec, step: str, text: str) -> LoadError:
    if step == _OPEN:
        return EntryInvalid(explain(spec.entry, text))
    if step == "state":
        error = state_error(int(text), spec.model_entry)
    elif step == "initialize":
        error = threw_error(text)
    else:
        error = InitializeFailed(f"internal error: {step}: {text}")
    error.message = f"{spec.entry}: {error.message}"
    return error
