"""
The service of a program that uses `allspark`, as one state machine for both ways to serve it.

A program opens its service, as often as it likes. Then it reads its requests itself, or calls `run` of its processor,
or does both in this order:

    NEW ---- it reads ----> READING
     |                         |
     +-------- run() ----------+----> RUNNING ---- run() has ended ----> OVER

Once it reads, or `run` has initialised the processor, the front is told that requests can be answered. Two classes say
what else happens, and how it ends: `HostedService` in a worker of eas-host, which serves until the host stops it, and
`SidecarService` in the user's own process, which has a terminal, signal handlers and a front of its own.
"""

from abc import ABC, abstractmethod
from enum import Enum

from allspark.service import InjectedHandler, ServedProcessor, ServiceRequest
from eas_runtime.control import ControlChannel
from eas_runtime.messages import Ready, Stop, ThreadCount
from eas_runtime.ring import WorkerRing
from eas_runtime.sdk.daemon_pool import DaemonPool
from eas_runtime.sdk.request_queue import RequestQueue
from eas_runtime.sdk.runtime import SdkRuntime
from eas_runtime.unpatched import Event, allocate_lock


class Stage(Enum):
    """
    How far the program has come with its service.
    """

    NEW = "new"
    """Nobody answers requests yet; they wait."""
    READING = "reading"
    """The program reads its requests itself."""
    RUNNING = "running"
    """`run` initialises the processor, then has threads or processes call it."""
    OVER = "over"
    """`run` has ended."""


_NEXT = {
    Stage.NEW: (Stage.READING, Stage.RUNNING),
    Stage.READING: (Stage.RUNNING,),
    Stage.RUNNING: (Stage.OVER,),
    Stage.OVER: (),
}
"""Which stages may follow each."""


class SdkService(ABC):
    """
    What `allspark` gets when it opens a service.

    Args:
        ring: where requests come from.
        control: the channel to the front.
        threads: how many threads call `process`; None: as many as the program says.
        max_in_flight: how many requests may be under way, if `process` is a coroutine function.

    Attributes:
        stage: how far the program has come.
        reads: whether the program has read requests itself; that stays so when it calls `run` later.
        over: set at the end of `run`.
        runtime: passes requests to the program.
    """

    def __init__(self, ring: WorkerRing, control: ControlChannel, threads: "int | None", max_in_flight: int) -> None:
        self.stage = Stage.NEW
        self.reads = False
        self.over = Event()
        # run() may have been overridden by one that reads, so reading begins with the first read at the latest.
        self.runtime = SdkRuntime(ring, control, max_in_flight, threads, self._begin_reading)
        self._ring = ring
        self._control = control
        self._lock = allocate_lock()
        self._pool: DaemonPool | None = None

    # -- for allspark

    @property
    def queue(self) -> RequestQueue:
        """
        The requests, for programs that read them themselves.
        """
        return self.runtime.queue

    def open(self, request: ServiceRequest) -> "SdkService":
        """
        Open the service for the program. Each call returns the same one.
        """
        first = self._pool is None
        if first:
            self._pool = DaemonPool(request.io_threads, "allspark-handler")
            self.runtime.connect()
        self._on_open(request, first=first)
        if request.processor is None:
            self._begin_reading()
        return self

    def run(self, processor: ServedProcessor) -> None:
        """
        Initialise *processor* and serve with it until the service ends.
        """
        if not self._enter(Stage.RUNNING):
            self._run_again()
            return
        try:
            self._serve(processor)
        finally:
            self._enter(Stage.OVER)
            self.over.set()

    def inject(self, path: str, handler: InjectedHandler, token: "str | None") -> None:
        """
        Have *handler* answer requests to *path*.
        """
        assert self._pool is not None  # noqa: S101  open comes first
        self.runtime.inject(path, handler, token, self._pool)

    @abstractmethod
    def stop(self) -> None:
        """
        Stop the service, because the program wants no more requests.
        """

    # -- the state machine

    def _enter(self, stage: Stage) -> bool:
        """
        Go on to *stage*. Returns False if it cannot follow the present one.
        """
        with self._lock:
            if stage not in _NEXT[self.stage]:
                return False
            self.stage = stage
            self.reads = self.reads or stage is Stage.READING
            return True

    def _begin_reading(self) -> None:
        """
        Tell the front that the service is ready, because the program now reads its requests itself.
        """
        if self.stage is not Stage.NEW:
            return
        self._before_reading()
        if not self._enter(Stage.READING):
            return
        if self._ring.worker == 0 and self._ring.max_batch:
            text = "batching has no effect: the program reads its requests itself; its read_upto returns several"
            self._ring.log("W", text)
        self._control.on(Stop, self._stop_reading)
        self._control.send(ThreadCount(0))
        self._control.send(Ready())
        self._after_ready()

    def _load(self, processor: ServedProcessor) -> None:
        """
        Initialise *processor* and tell the front how many threads will call it.
        """
        try:
            self.runtime.initialize(processor)
        except BaseException as error:
            self._on_initialize_failed(processor, error)
            raise
        self.runtime.prepare(processor)

    # -- what the two services do in their own ways

    @abstractmethod
    def _on_open(self, request: ServiceRequest, *, first: bool) -> None:
        """
        Called when the program opens the service, for the *first* time or again: log what in *request* has no effect.
        """

    @abstractmethod
    def _before_reading(self) -> None:
        """
        Called when the program is about to read its requests itself.

        Raises:
            LoadError: it cannot do so here.
        """

    @abstractmethod
    def _after_ready(self) -> None:
        """
        Announce that requests are answered; the front has been told.
        """

    def _stop_reading(self, _message: object) -> None:
        """
        End all threads that read: the front has sent `Stop` to a program that reads its requests itself.
        """
        self._ring.stop()

    @abstractmethod
    def _on_initialize_failed(self, processor: ServedProcessor, error: BaseException) -> None:
        """
        Called when `initialize` of *processor* has raised *error*, which the caller of `run` gets, too.
        """

    @abstractmethod
    def _serve(self, processor: ServedProcessor) -> None:
        """
        Load *processor*, and serve with it until the service ends.
        """

    def _run_again(self) -> None:
        """
        Called when `run` is called once more, while the first serves or after it has ended.
        """
        raise RuntimeError("run() was called before: a program serves once")
