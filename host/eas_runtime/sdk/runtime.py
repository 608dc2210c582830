"""
Passes everything between the front and a Python program, whether eas-host started the program or the user did.

Requests come over the ring, to threads that call `process` or to those of the program that read them. All else goes
over the control channel: properties, calls of injected handlers, the number of threads, and the request for their
stacks when one takes too long.
"""

import base64
import inspect
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from allspark.properties import store
from allspark.service import InjectedHandler, ServedProcessor
from eas_runtime import signals
from eas_runtime.control import ControlChannel
from eas_runtime.messages import CallHandler, HandlerAnswered, HandlerInjected, PropertyPut, ThreadCount
from eas_runtime.ring import RingBatches, WorkerRing
from eas_runtime.sdk.contract import find_problem, is_async
from eas_runtime.sdk.daemon_pool import DaemonPool
from eas_runtime.sdk.explanations import advice, program_name, working_directory
from eas_runtime.sdk.request_queue import MAX_READERS, RequestQueue
from eas_runtime.sdk.result_encoder import ResultEncoder
from eas_runtime.sdk.stacks import stacks_of
from eas_runtime.sdk.streamed_answers import StreamedAnswers
from eas_runtime.sdk.user_errors import describe_error, safe_str, user_trace
from eas_runtime.stacks import Stack
from eas_runtime.threads import WorkerThreads
from eas_runtime.unpatched import Thread, allocate_lock

if TYPE_CHECKING:
    from eas_runtime.sdk.asynchronous.async_calls import AsyncCalls
    from eas_runtime.sdk.asynchronous.event_loop import EventLoop

_THREADS = b"rpc.worker_threads"


class SdkRuntime:
    """
    The runtime of one program.

    Args:
        ring: where requests come from.
        control: the channel to the front.
        max_in_flight: how many requests may be under way, if `process` is a coroutine function.
        threads: how many threads call `process`; None: as many as the program says.
        on_reading: called when a thread begins to read requests itself.

    Attributes:
        queue: the requests, for programs that read them themselves.
        wrap: returns what calls a method of the processor, given its name; a debugger sets another.
        debugged: whether a debugger may stop the processor for as long as it likes.
        folder: the working directory before the program's code that ran last: `initialize`, then calls.
    """

    def __init__(
        self,
        ring: WorkerRing,
        control: ControlChannel,
        max_in_flight: int,
        threads: "int | None" = None,
        on_reading: "Callable[[], None]" = lambda: None,
    ) -> None:
        self.wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]] = lambda _, method: method
        self.debugged = False
        self.folder = ""
        self.ring = ring
        self.queue = RequestQueue(ring, self._on_readers)
        self._on_reading = on_reading
        self._control = control
        self._fixed_count = threads
        self._processor: ServedProcessor | None = None
        self._count = 0
        self._batches: RingBatches | None = None
        self._lock = allocate_lock()
        self._threads: WorkerThreads | None = None
        self._loop: EventLoop | None = None
        self._async_calls: AsyncCalls | None = None
        self._is_async = False
        self._streamed: StreamedAnswers | None = None
        self._max_in_flight = max_in_flight
        self._initializing: list[tuple[Thread, float]] = []
        self._injected: dict[str, tuple[InjectedHandler, DaemonPool]] = {}
        self._listeners = DaemonPool(1, "allspark-listener")
        control.on(PropertyPut, self._on_property)
        control.on(CallHandler, self._on_call)

    def connect(self) -> None:
        """
        Pass on to the front the properties that the program has put, and those that it will put.
        """
        store.connect(
            lambda name, value, number: self._control.send(
                PropertyPut(_text(name), _text(value), origin=(os.getpid(), number))
            )
        )

    def initialize(self, processor: ServedProcessor) -> None:
        """
        Have *processor* load its model, on the calling thread. Its exceptions are passed on unchanged.
        """
        self.folder = working_directory()
        self._initializing = [(threading.current_thread(), time.monotonic())]
        if is_async(processor.initialize) or is_async(processor.process):
            from eas_runtime.sdk.asynchronous.event_loop import EventLoop  # noqa: PLC0415  asyncio takes 50 ms

            self._loop = EventLoop(self.ring.log)
            self._is_async = is_async(processor.process)
        try:
            returned = self.wrap("initialize", processor.initialize)()
            if self._loop is not None and inspect.isawaitable(returned):
                self._initializing = [(self._loop.start(), time.monotonic())]
                self._loop.run(returned)
        finally:
            self._initializing = []
        signals.retake_signals()

    def prepare(self, processor: ServedProcessor) -> None:
        """
        Decide how many threads will call *processor*, which is initialised, and whether with batches, and tell the
        front. Warn of what is known to fail at each call.
        """
        self.folder = working_directory()
        if self.ring.worker == 0:
            for problem in filter(None, (find_problem(processor, name) for name in ("initialize", "process"))):
                self.ring.log("W", problem.described(program_name()))
        self._processor = processor
        self._count = self._fixed_count or _threads_of(processor)
        self._batches = self._open_batches(processor)
        if self._is_async:
            self._count = 1  # it only takes the requests
            self.ring.set_max_in_flight(self._max_in_flight)
        self._control.send(ThreadCount(self._count))

    def _open_batches(self, processor: ServedProcessor) -> "RingBatches | None":
        size = self.ring.max_batch
        if not size:
            return None
        if self._is_async:
            if self.ring.worker == 0:
                self.ring.log("W", "batching has no effect: process is a coroutine function")
            return None
        problem = find_problem(processor, "batch_process")
        if problem is None:
            return RingBatches(self.ring, size)
        if self.ring.worker == 0:
            self.ring.log("W", f"batching has no effect: {problem.described(program_name())}")
        return None

    def start(self) -> None:
        """
        Start the threads that call `process`, or `batch_process`.
        """
        assert self._processor is not None  # noqa: S101  prepare comes first
        encoder = ResultEncoder(self.ring, self._processor, self.folder)
        self._streamed = encoder.streamed
        process = self.wrap("process", self._processor.process)
        if self._is_async:
            assert self._loop is not None  # noqa: S101  `initialize` has made it
            from eas_runtime.sdk.asynchronous.async_calls import AsyncCalls  # noqa: PLC0415  the same

            self._async_calls = AsyncCalls(
                self.ring, self._loop, process, encoder, self._max_in_flight, watches=not self.debugged
            )
            return
        batches = None
        if self._batches is not None:
            batch_process = self.wrap("batch_process", self._processor.batch_process)
            batches = (self._batches, encoder.batch_handler(batch_process))
        with self._lock:
            self._threads = WorkerThreads(
                self.ring, self._count, lambda _: encoder.handler(process), encoder.streamed.resume, batches
            )

    def join(self, timeout: "float | None" = None) -> bool:
        """
        Wait for these threads, *timeout* seconds at most for each, and tell whether they have ended.
        """
        if self._async_calls is not None:
            return self._async_calls.join(timeout)
        ended = self._threads is None or self._threads.join(timeout)
        if self._streamed is not None:
            self._streamed.close()
        return (self._loop is None or self._loop.end(timeout)) and ended

    def stacks(self) -> "list[Stack]":
        """
        Return the stacks of the threads that run the program's code for us.
        """
        threads = self._threads.busy() if self._threads is not None else []
        stacks = stacks_of(self._initializing + self.queue.busy() + threads)
        return stacks + (self._async_calls.stacks() if self._async_calls is not None else [])

    def inject(self, path: str, handler: InjectedHandler, token: "str | None", pool: DaemonPool) -> None:
        """
        Answer requests to *path* with what *handler* returns, in a thread of *pool*.
        """
        if not path.startswith("/"):
            path = f"/{path}"
        self._injected[path] = (handler, pool)
        self._control.send(HandlerInjected(path, token))

    def _on_readers(self, count: int) -> None:
        if count:
            self._on_reading()
        self._control.send(ThreadCount(count, reads=True))

    # -- messages of the front

    def _on_property(self, message: PropertyPut) -> None:
        name, value = _raw(message.name), _raw(message.value)
        if name == _THREADS and self._processor is not None:
            self._resize(int(value))
        process, number = message.origin or (None, None)
        put = number if process == os.getpid() else None
        if store.receive(name, value, put):
            self._listeners.submit(lambda: store.call_listeners(name, value))

    def _resize(self, count: int) -> None:
        with self._lock:
            if count == self._count or self._is_async:
                return
            self._count = count
            if self._threads is not None:  # else they are about to be started
                self._threads.resize(count)
        self._control.send(ThreadCount(count))

    def _on_call(self, message: CallHandler) -> None:
        path, number = message.path, message.id
        if path not in self._injected:
            self._control.send(HandlerAnswered(number, 404, ""))
            return
        handler, pool = self._injected[path]
        body = base64.b64decode(message.body)
        pool.submit(lambda: self._answer(number, path, lambda: handler(body)))

    def _answer(self, number: int, path: str, handle: "Callable[[], Any]") -> None:
        status = 200
        try:
            answer = handle()
        except BaseException as error:  # noqa: BLE001  also sys.exit() costs only its own request
            described = f"{describe_error(error)}{advice(error, self.folder)}"
            self.ring.log("E", f"the handler of {path} raised {described}\n{user_trace(error)}")
            status, answer = 400, safe_str(error) or type(error).__name__
        data = answer if isinstance(answer, bytes) else safe_str(answer).encode("utf-8", "replace")
        self._control.send(HandlerAnswered(number, status, base64.b64encode(data).decode()))


def _threads_of(processor: ServedProcessor) -> int:
    """
    Return how many threads the program wants: one in each of several processes, else the property that it has put, else
    the number that its constructor was given.
    """
    if processor.worker_processes > 1:
        return 1
    try:
        count = int(float(store.values.get(_THREADS, b"0")))
    except ValueError:
        count = 0  # the front says what is wrong with it
    return count if 1 <= count <= MAX_READERS else min(processor.worker_threads, MAX_READERS)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
