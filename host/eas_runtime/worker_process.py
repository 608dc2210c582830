"""
The course of a worker process, whatever its processor is: make it, load it, start its threads, wait for the end.

Its arguments are CONTROL SPEC MEMORY COMPLETION LOG PARENT. The first five are inherited descriptors: the control
socket, a file with the `WorkerSpec`, the ring's memory, the eventfd that tells the front of completions, and the pipe
for log records. PARENT is the host's process number. The end of the control socket means that the host has died.
"""

import _socket  # `socket` takes two milliseconds more, and has nothing else that is needed here
import contextlib
import faulthandler
import gc
import os
import sys
from typing import TYPE_CHECKING, Callable, NamedTuple, NoReturn

from eas_runtime import signals
from eas_runtime.control import SocketChannel
from eas_runtime.errors import LoadError, SystemShortage, format_trace
from eas_runtime.messages import LoadFailed, Ready
from eas_runtime.ring import WorkerRing, die_with_parent, open_log
from eas_runtime.stacks import StackReporter
from eas_runtime.stdio import line_buffer_output
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from eas_runtime.control import ControlChannel
    from eas_runtime.processor import WorkerProcessor

    MakeProcessor = Callable[[WorkerSpec, WorkerRing, ControlChannel], WorkerProcessor]

_MESSAGE_MAX = 4 * 1024
_DETAIL_MAX = 32 * 1024

_NO_THREAD = "can't start new thread"
"""What Python's RuntimeError says when the system refuses to start a thread."""
SHORTAGE = "the worker cannot start its threads: the system is out of memory, or of processes (ulimit -u, pids.max)"
_PR_SET_DUMPABLE = 4
_exit = os._exit
"""Which a worker in Python replaces, so that the processor's calls of it are reported."""

LOAD_FAILED = 3
"""Exit code of a worker whose processor cannot be loaded; the reason went over the control socket."""


class Inheritance(NamedTuple):
    """
    What a worker inherits from the front: descriptors, and the front's process number.
    """

    control: int
    memory: int
    completion: int
    log: int
    parent: int


def read_arguments() -> "tuple[WorkerSpec, Inheritance]":
    """
    Read the spec, and what else the front has left to this process. From here on no garbage is searched for, until
    `serve` has made the processor: imports make none.
    """
    gc.disable()
    control, spec_fd, memory, completion, log, parent = map(int, sys.argv[1:])
    with open(spec_fd, encoding="utf-8") as file:  # it is a descriptor
        spec = WorkerSpec.from_json(file.read())
    return spec, Inheritance(control, memory, completion, log, parent)


def serve(spec: WorkerSpec, inheritance: Inheritance, make: "MakeProcessor") -> int:
    """
    Make the processor of *spec* with *make* and serve with it, in this process.

    Returns:
        The process's exit code.
    """
    die_with_parent(inheritance.parent)
    ignore_signals()
    for fd in inheritance[:-1]:
        os.set_inheritable(fd, False)  # so that what the processor starts does not inherit them
    line_buffer_output()
    open_log(inheritance.log)
    if spec.confined:
        import ctypes  # noqa: PLC0415  few need it

        # No other process of its user may look into this one, or have its core.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    ring = WorkerRing(inheritance.memory, inheritance.completion, spec.worker)
    control = SocketChannel(_socket.socket(fileno=inheritance.control), on_end=lambda: os._exit(1))

    def make_processor() -> "WorkerProcessor":
        """
        Make the processor, and prepare this process for the processor's code: crash handlers and working directory.
        """
        processor = make(spec, ring, control)
        search_garbage_of_processor()
        if spec.report >= 0:
            os.set_inheritable(spec.report, False)
            ring.set_crash_report(spec.report)
        if spec.type == "python":
            faulthandler.enable(spec.report, all_threads=False)
        ring.install_crash_handler(
            jvm=processor.owns_signals, before_python=spec.type == "python", keep=spec.keeps_crashes
        )
        enter_folder(spec)
        return processor

    return run_worker(ring, control, make_processor)


def run_worker(ring: WorkerRing, control: SocketChannel, make_processor: "Callable[[], WorkerProcessor]") -> int:
    """
    Make the processor, load it, and serve until the front sends `Stop`. If it cannot be loaded, tell the front why.

    Returns:
        The process's exit code.
    """
    try:
        control.start()
        processor = make_processor()
        StackReporter(control, processor.stacks, lambda text: ring.log("W", text))

        def serve() -> None:
            control.send(Ready())  # first: a call may end this process before anything else can be sent
            try:
                processor.start()
                control.wait()
            except Exception as error:  # noqa: BLE001  as below
                report_error(control, error)
                end_at_once()
            ring.stop()
            processor.join()

        processor.run(serve)
    except Exception as error:  # noqa: BLE001  the front must be told of any error
        report_error(control, error)
        return LOAD_FAILED
    return 0


def search_garbage_of_processor() -> None:
    """
    Search for garbage from now on, but not in what this process has imported so far: modules of the host and of Python,
    which live as long as it does. That saves 10 ms of CPU time of the 80 that a start and an end take, most of it in
    the last search, at the end.
    """
    if hasattr(gc, "freeze"):  # since Python 3.7
        gc.freeze()
    gc.enable()


def end_at_once() -> NoReturn:
    """
    End this process while requests run in it; the front has them run again.

    Python's own end would stop their threads wherever these are. The C library may abort over that, and the request of
    such a thread would pass for the cause.
    """
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    _exit(LOAD_FAILED)


def enter_folder(spec: WorkerSpec) -> None:
    """
    Make the entry's folder, or what *spec* names in its place, the working directory: `-rpath=.` and relative paths in
    user code count on it.
    """
    folder = spec.folder or (spec.entry if os.path.isdir(spec.entry) else os.path.dirname(spec.entry))
    if os.path.isdir(folder):
        os.chdir(folder)


def ignore_signals() -> None:
    """
    Ignore the signals that are meant for the host, which sends messages to its workers.
    """
    for number in signals.STOP:
        if not signals.is_ignored(number):
            signals.set_handler(number, lambda *_: None)  # not SIG_IGN, which child processes would inherit
    signals.guard_handlers()


def report_error(control: SocketChannel, error: Exception) -> None:
    """
    Tell the front that *error*, which is handled now, keeps this process from serving.
    """
    if isinstance(error, LoadError):
        report(control, type(error).__name__, error.message, error.detail)
    elif _NO_THREAD in str(error):
        report(control, SystemShortage.__name__, SHORTAGE, "")
    else:
        report(control, "InitializeFailed", f"internal error: {error!r}", format_trace())


def report(control: SocketChannel, kind: str, message: str, detail: str) -> None:
    """
    Tell the front why the processor cannot be loaded. Long texts are cut: an error may quote all the data it is about.
    """
    if len(detail) > _DETAIL_MAX:
        detail = f"{detail[: _DETAIL_MAX // 2]}\n...\n{detail[-_DETAIL_MAX // 2 :]}"
    control.send(LoadFailed(kind, message[:_MESSAGE_MAX], detail))
