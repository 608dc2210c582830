"""
The program of a worker process: load the processor, start its threads, wait for the end.

Its arguments are CONTROL SPEC MEMORY COMPLETION LOG PARENT. The first five are inherited descriptors: the control
socket, a file with the `WorkerSpec`, the ring's memory, the eventfd that tells the front of completions, and the pipe
for log records. PARENT is the host's process number. Over the control socket go `ready` or `failed`, and back comes
`stop`. Its end means that the host has died.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import socket
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from eas_host.config import WorkerSpec
from eas_host.errors import LoadError
from eas_host.processors import Processor, make
from eas_host.ring import WorkerRing, die_with_parent, line_buffer_stdout, open_log

_MESSAGE_MAX: Final = 4 * 1024
_DETAIL_MAX: Final = 32 * 1024

LOAD_FAILED: Final = 3
"""Exit code of a worker whose processor cannot be loaded; the reason went over the control socket."""


def main() -> int:
    """
    Run the worker.
    """
    control_fd, spec_fd, memory_fd, completion_fd, log_fd, parent = map(int, sys.argv[1:])
    die_with_parent(parent)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Meant for the host, which tells its workers. Not SIG_IGN: what a processor starts would inherit that.
        signal.signal(number, lambda *_: None)
    for fd in (control_fd, memory_fd, completion_fd, log_fd):
        os.set_inheritable(fd, False)  # what a processor starts has no business with them
    print_promptly()
    open_log(log_fd)
    with socket.socket(fileno=control_fd) as control, control.makefile("r", encoding="utf-8") as lines:
        with open(spec_fd, encoding="utf-8") as file:  # noqa: PTH123  it is a descriptor
            spec = WorkerSpec.from_json(file.read())
        ring = WorkerRing(memory_fd, completion_fd, spec.worker)
        try:
            processor = _load(spec, ring)
        except LoadError as error:
            _report(control, type(error).__name__, error.message, error.detail)
            return LOAD_FAILED
        except Exception as error:  # noqa: BLE001  the front must hear of it whatever it is
            _report(control, "InitializeFailed", f"internal error: {error!r}", traceback.format_exc())
            return LOAD_FAILED
        _send(control, event="ready")  # first: a call may end this process before anything else can be sent
        processor.start(ring)
        if not lines.readline():
            os._exit(1)  # the host has died
        ring.stop()
        processor.join()
    return 0


def _load(spec: WorkerSpec, ring: WorkerRing) -> Processor:
    """
    Load the processor in the folder it lives in, with the crash handlers in place before its first line runs.
    """
    processor = make(spec)
    ring.watch_crashes(only_abort=processor.owns_signals)
    if spec.type == "python":
        faulthandler.enable(all_threads=False)  # runs first, prints the Python frames, hands on to ours
    enter_folder(spec)
    processor.load()
    return processor


def print_promptly() -> None:
    """
    Let what a processor prints appear with each line, from C and from Python: a pipe must not keep it back.
    """
    line_buffer_stdout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def enter_folder(spec: WorkerSpec) -> None:
    """
    Make the entry's folder the working directory: `-rpath=.` and relative paths in user code count on it.
    """
    folder = spec.entry if Path(spec.entry).is_dir() else str(Path(spec.entry).parent)
    if Path(folder).is_dir():
        os.chdir(folder)


def _report(control: socket.socket, kind: str, message: str, detail: str) -> None:
    """
    Tell the front why the processor cannot be loaded; some texts of errors are as long as what they complain about.
    """
    if len(detail) > _DETAIL_MAX:
        detail = f"{detail[: _DETAIL_MAX // 2]}\n...\n{detail[-_DETAIL_MAX // 2 :]}"
    _send(control, event="failed", kind=kind, message=message[:_MESSAGE_MAX], detail=detail)


def _send(control: socket.socket, **message: Any) -> None:  # noqa: ANN401  plain JSON values
    control.sendall(json.dumps(message).encode() + b"\n")
