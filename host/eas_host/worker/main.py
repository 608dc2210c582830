"""
The program of a worker process: load the processor, start its threads, wait for the end.

Its arguments are CONTROL SPEC MEMORY COMPLETION LOG PARENT. The first five are inherited descriptors: the control
socket, a file with the `WorkerSpec`, the ring's memory, the eventfd that tells the front of completions, and the pipe
for log records. PARENT is the host's process number. The end of the control socket means that the host has died.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from typing import Final

from eas_host.errors import LoadError, SystemShortage
from eas_host.messages import LoadFailed, Ready
from eas_host.ring import WorkerRing, die_with_parent, line_buffer_stdout, open_log
from eas_host.system import signals
from eas_host.worker.control import SocketChannel
from eas_host.worker.processor import WorkerProcessor, make
from eas_host.worker.working_directory import enter_folder
from eas_host.worker_spec import WorkerSpec

_MESSAGE_MAX: Final = 4 * 1024
_DETAIL_MAX: Final = 32 * 1024

_NO_THREAD: Final = "can't start new thread"
"""What Python's RuntimeError says when the system refuses to start a thread."""
_SHORTAGE: Final = (
    "the worker cannot start its threads: the system is out of memory, or of processes (ulimit -u, pids.max)"
)

LOAD_FAILED: Final = 3
"""Exit code of a worker whose processor cannot be loaded; the reason went over the control socket."""


def main() -> int:
    """
    Load the processor that the spec names and serve with it, in this process or, as a native worker, in the program
    that it becomes.

    Returns:
        The process's exit code.
    """
    control_fd, spec_fd, memory_fd, completion_fd, log_fd, parent = map(int, sys.argv[1:])
    with open(spec_fd, encoding="utf-8") as file:  # noqa: PTH123  it is a descriptor
        spec = WorkerSpec.from_json(file.read())
    if spec.type == "cpp":
        # Imported late: it loads modules of Python's own that a program may have a file of the same name for.
        from eas_host.worker.cpp import native_worker  # noqa: PLC0415

        native_worker.take_over(spec, native_worker.Inheritance(control_fd, memory_fd, completion_fd, log_fd, parent))
    die_with_parent(parent)
    ignore_signals()
    for fd in (control_fd, memory_fd, completion_fd, log_fd):
        os.set_inheritable(fd, False)  # so that what the processor starts does not inherit them
    line_buffer_output()
    open_log(log_fd)
    if spec.confined:
        from eas_host.sandbox import kernel  # noqa: PLC0415  few need it

        kernel.set_dumpable(on=False)
    ring = WorkerRing(memory_fd, completion_fd, spec.worker)
    control = SocketChannel(socket.socket(fileno=control_fd), on_end=lambda: os._exit(1))
    return run_worker(ring, control, lambda: _make(spec, ring, control))


def run_worker(ring: WorkerRing, control: SocketChannel, make_processor: Callable[[], WorkerProcessor]) -> int:
    """
    Make the processor, load it, and serve until the front sends `Stop`. If it cannot be loaded, tell the front why.

    Returns:
        The process's exit code.
    """
    try:
        control.start()
        processor = make_processor()

        def serve() -> None:
            control.send(Ready())  # first: a call may end this process before anything else can be sent
            processor.start()
            control.wait()
            ring.stop()
            processor.join()

        processor.run(serve)
    except LoadError as error:
        report(control, type(error).__name__, error.message, error.detail)
        return LOAD_FAILED
    except Exception as error:  # noqa: BLE001  the front must be told of any error
        if _NO_THREAD in str(error):
            report(control, SystemShortage.__name__, _SHORTAGE, "")
        else:
            report(control, "InitializeFailed", f"internal error: {error!r}", traceback.format_exc())
        return LOAD_FAILED
    return 0


def _make(spec: WorkerSpec, ring: WorkerRing, control: SocketChannel) -> WorkerProcessor:
    """
    Make the processor, and prepare this process for the processor's code: crash handlers and working directory.
    """
    processor = make(spec, ring, control)
    ring.install_crash_handler(only_abort=processor.owns_signals)
    if spec.type == "python":
        faulthandler.enable(all_threads=False)  # runs first, prints the Python frames, hands on to ours
    enter_folder(spec)
    return processor


def ignore_signals() -> None:
    """
    Ignore the signals that are meant for the host, which sends messages to its workers.
    """
    for number in signals.STOP:
        if not signals.is_ignored(number):
            signals.set_handler(number, lambda *_: None)  # not SIG_IGN, which child processes would inherit
    signals.guard_handlers()


def line_buffer_output() -> None:
    """
    Make stdout and stderr line buffered, in C and in Python. Otherwise a pipe would hold back what a processor prints.
    """
    line_buffer_stdout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def report(control: SocketChannel, kind: str, message: str, detail: str) -> None:
    """
    Tell the front why the processor cannot be loaded. Long texts are cut: an error may quote all the data it is about.
    """
    if len(detail) > _DETAIL_MAX:
        detail = f"{detail[: _DETAIL_MAX // 2]}\n...\n{detail[-_DETAIL_MAX // 2 :]}"
    control.send(LoadFailed(kind, message[:_MESSAGE_MAX], detail))
