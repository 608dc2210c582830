"""
`worker_processes` above 1, in the user's process: starts a worker process when the front asks for one, and reports its
end.

The processes are started by multiprocessing's start method, which the program may choose, so that they have what the
processor's constructor was given. Each has a control socket of its own to the front, which supervises it as it
supervises the workers of eas-host.
"""

import faulthandler
import multiprocessing
import os
import socket
import sys
import traceback
from functools import partial
from select import POLLIN
from typing import Callable

from allspark.properties import store
from allspark.service import ServedProcessor
from eas_runtime.control import SocketChannel
from eas_runtime.messages import ChildEnded, ChildStarted, Handshake, StartChild, StartWorkers
from eas_runtime.ring import WorkerRing, die_with_parent, open_log
from eas_runtime.sdk.explanations import explain_initialize, program_name
from eas_runtime.sdk.runtime import SdkRuntime
from eas_runtime.sdk.user_errors import describe_error
from eas_runtime.stacks import Stack
from eas_runtime.unpatched import (
    Event,
    SimpleQueue,
    get_among_greenlets,
    has_greenlets,
    make_poll,
    own_socket,
    start_thread,
)
from eas_runtime.worker_process import ignore_signals, run_worker

_UNKNOWN_STATUS = 255
_REAP_POLLS = 100
_REAP_POLL_SECONDS = 0.01
"""How often, and how far apart, the exit code of a process that has ended is looked for."""


class ChildProcesses:
    """
    The worker processes of *processor*. *control* is the program's channel to the front.
    """

    def __init__(self, control: SocketChannel, processor: ServedProcessor) -> None:
        self._control = control
        self._processor = processor
        self._start_requests: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        self._unwatched: dict[int, multiprocessing.Process] = {}
        control.on(StartChild, self._on_start_child)

    def run(self) -> None:
        """
        Have the front ask for processes, and start what it asks for until the front is gone.

        A signal handler of the program may raise anything, anywhere in here.
        """
        start_thread(self._wait_for_end, "eas-end")
        self._control.send(StartWorkers())
        try:
            for number, fd in iter(partial(get_among_greenlets, self._start_requests), None):
                with socket.socket(fileno=fd) as sock:
                    self._start(number, sock)
        finally:
            for number, process in list(self._unwatched.items()):
                if process.pid is not None:
                    self._watch(number, process)

    def _on_start_child(self, message: StartChild) -> None:
        # The descriptor is passed on, not a socket: to make a socket here, gevent would import modules that the main
        # thread may be importing, and each thread would wait for the other.
        self._start_requests.put((message.worker, self._control.take_fd()))

    def _wait_for_end(self) -> None:
        self._control.join()
        self._start_requests.put(None)

    def _start(self, number: int, sock: socket.socket) -> None:
        # multiprocessing.Process is the class of the start method that the program has chosen.
        process = multiprocessing.Process(
            target=child_main,
            args=(self._processor, sock, dict(store.values)),
            name=f"allspark-worker-{number}",
            daemon=True,
        )
        self._unwatched[number] = process
        try:
            process.start()
        except Exception as error:  # noqa: BLE001  with spawn, the user's objects may not pickle
            del self._unwatched[number]
            reason = f"the worker process cannot be started: {describe_error(error)}"
            self._control.send(ChildEnded(number, 1, reason, traceback.format_exc()))
            return
        self._watch(number, process)

    def _watch(self, number: int, process: multiprocessing.Process) -> None:
        self._control.send(ChildStarted(number, process.pid or 0))
        start_thread(self._reap, "eas-reaper", number)

    def _reap(self, number: int) -> None:
        process = self._unwatched.pop(number, None)
        if process is None:  # a thread that was started before has it
            return
        self._processor.processes.append(process)
        _wait_for_end(process)
        self._processor.processes.remove(process)
        # If the program ignores SIGCHLD, or waits for all children itself, the status is not known here.
        status = _UNKNOWN_STATUS if process.exitcode is None else process.exitcode
        self._control.send(ChildEnded(number, status))


def _wait_for_end(process: multiprocessing.Process) -> None:
    if not has_greenlets():
        process.join()
        return
    # A replaced `waitpid` reaps in the main thread, some time after the end.
    end = make_poll()
    end.register(process.sentinel, POLLIN)
    end.poll()
    for _ in range(_REAP_POLLS):
        if process.exitcode is not None:
            return
        Event().wait(_REAP_POLL_SECONDS)


def child_main(processor: ServedProcessor, sock: socket.socket, properties: "dict[bytes, bytes]") -> None:
    """
    Run a worker process, and end it. *sock* is its control socket, *properties* are those of the program.
    """
    store.values.update(properties)
    die_with_parent(os.getppid())
    ignore_signals()
    control = SocketChannel(own_socket(sock), on_end=lambda: os._exit(1))
    handshake = control.next()
    if not isinstance(handshake, Handshake):
        os._exit(1)
    memory, completion, log_fd = (control.take_fd() for _ in range(3))
    open_log(log_fd)
    ring = WorkerRing(memory, completion, handshake.worker)

    def make() -> "InheritedProcessor":
        faulthandler.disable()
        ring.install_crash_handler()
        faulthandler.enable(all_threads=False)
        return InheritedProcessor(processor, ring, control, handshake.max_in_flight)

    sys.exit(run_worker(ring, control, make))


class InheritedProcessor:
    """
    A processor that was constructed in the parent process.
    """

    owns_signals = False

    def __init__(
        self, processor: ServedProcessor, ring: WorkerRing, control: SocketChannel, max_in_flight: int
    ) -> None:
        self._processor = processor
        self._runtime = SdkRuntime(ring, control, max_in_flight)

    def run(self, serve: "Callable[[], None]") -> None:
        """
        Initialise the processor, then call *serve*.

        Raises:
            InitializeFailed: its `initialize` raised.
        """
        self._runtime.connect()
        try:
            self._runtime.initialize(self._processor)
        except BaseException as error:
            raise explain_initialize(self._processor, error, program_name(), self._runtime.folder) from error
        self._runtime.prepare(self._processor)
        serve()

    def start(self) -> None:
        """
        Start the one thread that calls `process`.
        """
        self._runtime.start()

    def join(self, timeout: "float | None" = None) -> bool:
        """
        Wait for that thread, *timeout* seconds at most, and tell whether it has ended.
        """
        return self._runtime.join(timeout)

    def stacks(self) -> "list[Stack]":
        """
        Return the stack of that thread, if it is busy.
        """
        return self._runtime.stacks()
