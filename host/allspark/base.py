"""
`BaseProcessor`: the usual way to write a processor. Override `initialize` and `process`, then `run`.
"""

import copyreg
import operator
from typing import TYPE_CHECKING, Any

from allspark.context import Context, QueuedService
from allspark.opening import open_service
from allspark.paths import ModelPath, model_path
from allspark.properties import default_properties
from allspark.service import Answer, Loading, ServiceRequest

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_QUEUE_SIZE = 64
"""EAS's default of rpc.max_queue_size (docs/eas-compatibility.md, section 7.3)."""


class BaseProcessor:
    """
    The base of python processors (docs/eas-compatibility.md, section 3.2).

    Constructing one opens the port: requests wait there while `initialize` runs. Under `eas-host` the options
    --worker-threads, --worker-processes and --listen win over what is given here.

    Args:
        worker_threads: how many threads call `process`, at the same time.
        worker_processes: above 1: how many processes call `process`, each one request at a time and each with an
            `initialize` of its own.
        endpoint: `HOST:PORT` to listen on; by default 127.0.0.1:8080. Ignored inside a cluster, as in EAS.
        io_threads: how many threads call injected handlers. Apart from that accepted for compatibility only.

    Attributes:
        max_queue_size: how many requests may wait (the property `rpc.max_queue_size`).
        processes: the worker processes, while `run` serves with several.
        context: the `Context` that the service was opened with.
        queued: its `QueuedService`.
    """

    # A subclass may forget to call the constructor.
    worker_threads = 5
    worker_processes = 1
    io_threads = 4
    endpoint: "str | None" = None
    queued: "QueuedService | None" = None

    def __init__(
        self,
        worker_threads: int = 5,
        worker_processes: int = 1,
        endpoint: "str | None" = None,
        *,
        io_threads: int = 4,
    ) -> None:
        self.worker_threads = _positive("worker_threads", worker_threads)
        self.worker_processes = _positive("worker_processes", worker_processes)
        self.io_threads = _positive("io_threads", io_threads)
        self.endpoint = endpoint
        self.processes: list[BaseProcess] = []
        self.context = Context(self.io_threads)
        self.queued = self.context.open_for(self, endpoint)
        self.max_queue_size = _queue_size()

    def initialize(self) -> Loading:
        """
        Load the model. Called once in each worker process, before the first request. It may be a coroutine function.
        """
        raise NotImplementedError("initialize not implemented")

    def process(self, data: bytes) -> Answer:
        """
        Answer one request. Called from several threads at once.

        It may be a coroutine function: then requests are tasks of one event loop, which is that of `initialize`. It may
        be a generator function, or an async one, which yields the parts of the answer; EAS knows none of these.

        Args:
            data: the request's body; empty for a request without one.

        Returns:
            The answer's body, and its status: 0 or 200, or an HTTP status. A body that is not bytes is sent as str() of
            it; a generator, another iterator, or an async generator of a coroutine function makes the body in parts.
        """
        raise NotImplementedError("process not implemented")

    def batch_process(self, batch: "list[bytes]") -> "list[tuple[Any, int]]":
        """
        Answer several requests in one call. Optional: EAS has no such method. A host that runs with --batching, or with
        metadata.rpc.batching, calls it from several threads at once, also for one request (docs/batching.md).

        If it raises, or returns anything but a list or tuple as long as *batch*, `process` is called for each request,
        so that one bad input costs one answer.

        Args:
            batch: the requests' bodies, one or more.

        Returns:
            For each of them, in their order, what `process` would return.
        """
        raise NotImplementedError("batch_process not implemented")

    def run(self) -> None:
        """
        Initialise and serve, until Ctrl+C or SIGTERM.
        """
        queued = self.queued or QueuedService(open_service(ServiceRequest(None, self.io_threads, self)))
        queued.service.run(self)

    def get_model_path(self) -> ModelPath:
        """
        Return the path of the model: bytes that os.path and open take, and that print as text.
        """
        return model_path()

    def __getstate__(self) -> Any:  # noqa: ANN401  as pickle has it: a dict, or with slots a pair of them
        """
        Return what is pickled for another process: everything but the service, which stays in this one.
        """
        excluded = ("context", "queued", "processes")
        state = {name: value for name, value in self.__dict__.items() if name not in excluded}
        slots = copyreg._slotnames(type(self))  # type: ignore[attr-defined]  # noqa: SLF001  what pickle itself calls
        return (state, {name: getattr(self, name) for name in slots if hasattr(self, name)}) if slots else state


def _queue_size() -> int:
    try:
        return int(float(default_properties().get("rpc.max_queue_size", b"%d" % _QUEUE_SIZE)))
    except (ValueError, OverflowError):
        return _QUEUE_SIZE  # the front reports it


def _positive(name: str, value: object) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # it raises for what is no number
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < 1:
        raise ValueError(f"{name} must be 1 or more, not {number}")
    return number
