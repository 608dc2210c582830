"""
The user's side of `worker_processes` above 1: starts a process when the front asks for one, and tells of its end.

They are made as the program's author has chosen (multiprocessing's start method), so that what the constructor got is
there. Each has a control socket of its own to the front, which supervises it as it does those of eas-host.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import socket
import sys
import traceback
from _queue import SimpleQueue
from collections.abc import Callable
from select import POLLIN
from typing import Final

from allspark.properties import store
from allspark.service import ServedProcessor
from eas_host.errors import InitializeFailed
from eas_host.ring import WorkerRing, die_with_parent, open_log
from eas_host.unpatched import Event, get_among_greenlets, has_greenlets, make_poll, own_socket, start_thread
from eas_host.worker.sdk.runtime import Program
from eas_host.worker.sdk.user_errors import describe, user_trace
from eas_host.workers.control import Message, SocketControl
from eas_host.workers.main import ignore_signals, work

_UNKNOWN: Final = 255
_REAPED_WITHIN: Final = 100
"""How often it is looked, each 10 ms, for how a process has ended that has."""


class Forks:
    """
    The worker processes of *processor*. *control* is the program's conversation with the front.
    """

    def __init__(self, control: SocketControl, processor: ServedProcessor) -> None:
        self._control = control
        self._processor = processor
        self._wanted: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        control.on("fork", self._on_fork)

    def run(self, count: int) -> None:
        """
        Have the front start *count* of them, and serve until it is gone.
        """
        start_thread(self._wait_for_end, "eas-end")
        self._control.send(event="run", processes=count)
        while (wanted := get_among_greenlets(self._wanted)) is not None:
            number, fd = wanted
            with socket.socket(fileno=fd) as sock:
                self._start(number, sock)

    def _on_fork(self, message: Message) -> None:
        # A descriptor: to make a socket of it in this thread, gevent would import modules that the main thread is just
        # importing, and each would wait for the other.
        self._wanted.put((message["worker"], self._control.take_fd()))

    def _wait_for_end(self) -> None:
        self._control.join()
        self._wanted.put(None)

    def _start(self, number: int, sock: socket.socket) -> None:
        # The current start method decides what it is.
        process = multiprocessing.Process(
            target=child_main,
            args=(self._processor, sock, dict(store.values)),
            name=f"allspark-worker-{number}",
            daemon=True,
        )
        try:
            process.start()
        except Exception as error:  # noqa: BLE001  with spawn, the user's objects may not pickle
            reason = f"the worker process cannot be started: {describe(error)}"
            self._control.send(event="exited", worker=number, status=1, reason=reason, detail=traceback.format_exc())
            return
        self._processor.processes.append(process)
        self._control.send(event="forked", worker=number, pid=process.pid)
        start_thread(self._reap, "eas-reaper", number, process)

    def _reap(self, number: int, process: multiprocessing.Process) -> None:
        _wait_for_end(process)
        self._processor.processes.remove(process)
        # A program that ignores SIGCHLD, or waits for all children, does not let us know how one of them ended.
        status = _UNKNOWN if process.exitcode is None else process.exitcode
        self._control.send(event="exited", worker=number, status=status)


def _wait_for_end(process: multiprocessing.Process) -> None:
    if not has_greenlets():
        process.join()
        return
    # Who has replaced `waitpid` reaps in the main thread, some time after the end.
    end = make_poll()
    end.register(process.sentinel, POLLIN)
    end.poll()
    for _ in range(_REAPED_WITHIN):
        if process.exitcode is not None:
            return
        Event().wait(0.01)


def child_main(processor: ServedProcessor, sock: socket.socket, properties: dict[bytes, bytes]) -> None:
    """
    Be a worker process of a program with these *properties*; *sock* is its control socket.
    """
    store.values.update(properties)
    die_with_parent(os.getppid())
    ignore_signals()
    control = SocketControl(own_socket(sock), on_end=lambda: os._exit(1))
    welcome = control.next()
    if welcome is None:
        os._exit(1)
    memory, completion, log_fd = (control.take_fd() for _ in range(3))
    open_log(log_fd)
    ring = WorkerRing(memory, completion, welcome["worker"])

    def make() -> Copy:
        faulthandler.disable()
        ring.watch_crashes(only_abort=False)
        faulthandler.enable(all_threads=False)
        return Copy(processor, ring, control)

    sys.exit(work(ring, control, make))


class Copy:
    """
    A processor that was constructed in another process.
    """

    owns_signals = False

    def __init__(self, processor: ServedProcessor, ring: WorkerRing, control: SocketControl) -> None:
        self._processor = processor
        self._program = Program(ring, control)

    def run(self, serve: Callable[[], None]) -> None:
        """
        Initialise it, and serve.

        Raises:
            LoadError: it cannot be used.
        """
        self._program.connect()
        try:
            self._program.initialize(self._processor)
        except BaseException as error:
            text = f"{type(self._processor).__name__}.initialize() raised {describe(error)}"
            raise InitializeFailed(text, user_trace(error)) from error
        self._program.prepare(self._processor)
        serve()

    def start(self) -> None:
        """
        Start the thread.
        """
        self._program.start()

    def join(self, timeout: float | None = None) -> None:
        """
        Wait for the thread.
        """
        self._program.join(timeout)
