"""
The service that `allspark` opens under `eas-host`: this process is a worker already, with a ring and a front.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import allspark
from allspark.opening import Handler, Opening
from eas_host import signals
from eas_host.config import WorkerSpec
from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.processors.answers import describe, user_trace
from eas_host.processors.pool import Pool
from eas_host.processors.program import Program
from eas_host.unpatched import Event, allocate_lock, on_main_thread
from eas_host.workers.control import Control


class HostedService:
    """
    What a program has of its host.

    Args:
        spec: the program.
        program: its worker's side.
        control: the conversation with the front.
        serve: serves with the processor that `Program.prepare` got, and returns when the host stops.

    Attributes:
        queue: the requests, for programs that read them themselves.
        instance: the processor that was constructed last.
        reads: whether the program reads requests itself.
        began: whether it has called `run`.
        over: set when `run` has come to its end.
        failure: what went wrong, whatever the program made of it.
    """

    def __init__(self, spec: WorkerSpec, program: Program, control: Control, serve: Callable[[], None]) -> None:
        self.queue = program.queue
        self.instance: allspark.BaseProcessor | None = None
        self.reads = self.began = False
        self.over = Event()
        self.failure: BaseException | None = None
        self._spec = spec
        self._program = program
        program.on_reading = self._begin_reading  # run() may have been overridden by one that reads
        self._control = control
        self._serve = serve
        self._pool: Pool | None = None
        self._lock = allocate_lock()
        self._ended = Event()

    @property
    def served(self) -> bool:
        """
        Whether the program has done anything to serve.
        """
        return self.began or self.reads

    # -- for allspark

    def open(self, wanted: Opening) -> HostedService:
        """
        A program opens its service; all that it opens are one.
        """
        if self._pool is None:
            self._pool = Pool(wanted.io_threads, "allspark-handler")
            self._program.connect()
        if wanted.endpoint is not None and self._spec.worker == 0:
            text = f"the program's endpoint {wanted.endpoint!r} has no effect under eas-host: --listen decides"
            self._program.ring.log("I", text)
        if wanted.processor is not None:
            self.instance = wanted.processor
            self._ask_for_processes(wanted.processor.worker_processes)
        else:
            self._begin_reading()
        return self

    def run(self, processor: allspark.BaseProcessor) -> None:
        """
        Initialise *processor* and serve with it. If another thread does so already, wait with it for the end.
        """
        if self.over.is_set():
            raise RuntimeError("run() was called before: a program serves once")
        with self._lock:
            first, self.began = not self.began, True
        if not first:
            self.over.wait()
            return
        try:
            self._load(processor)
            self._program.prepare(processor)
            try:
                self._serve()
            except BaseException as error:
                self.failure = error
                raise
        finally:
            self.over.set()

    def inject(self, path: str, handler: Handler, token: str | None) -> None:
        """
        Have *handler* answer requests to *path*.
        """
        assert self._pool is not None  # noqa: S101  open comes first
        self._program.inject(path, handler, token, self._pool)

    def stop(self) -> None:
        """
        Nothing: the host decides when it stops.
        """

    # -- inside

    def _load(self, processor: allspark.BaseProcessor) -> None:
        where = f"{self._spec.entry}: {type(processor).__name__}"
        if self._spec.isolation == "none" and not on_main_thread():
            self.failure = EntryInvalid(f"{where}.run() must be called on the main thread with --isolation none")
            raise self.failure
        try:
            self._program.initialize(processor)
        except BaseException as error:
            text = f"{where}.initialize() raised {describe(error)}"
            self.failure = InitializeFailed(text, user_trace(error))
            self.failure.__cause__ = error
            raise

    def _ask_for_processes(self, count: int) -> None:
        if count == 1 or "worker_processes" in self._spec.given:
            return
        if self._spec.isolation == "none":
            self._program.ring.log("I", f"worker_processes={count} has no effect with --isolation none")
            return
        self._control.send(event="processes", count=count)

    def _begin_reading(self) -> None:
        """
        The program reads its requests itself, so it is ready from here on.
        """
        if self.served:
            return
        if self._spec.isolation == "none":
            self.failure = EntryInvalid(
                f"{self._spec.entry}: it reads requests itself (queued_service), on the thread that --isolation none"
                " needs; start it without --isolation none, or with `python FILE`"
            )
            raise self.failure
        self.reads = True
        self._control.on("stop", self._stop_reading)
        self._control.send(event="threads", count=0)
        self._control.send(event="ready")

    def _stop_reading(self, _message: object) -> None:
        """
        End all that reads, and the main thread, wherever it is.
        """
        self._control.stopping.set()
        self._program.ring.stop()
        signals.interrupt_main_thread(signal.SIGTERM, self._ended)

    def on_signal(self, *_: object) -> None:
        """
        The handler of SIGTERM in the main thread. From outside it is meant for the host, not for us.
        """
        over = self.reads and self._control.stopping.is_set()
        if over:
            self._ended.set()
        if over and threading.main_thread().is_alive():  # else its code is at its end, and Python waits for others
            raise SystemExit(0)
