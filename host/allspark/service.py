"""
The types that `allspark` and what serves it share.

`allspark` asks for a service with a `ServiceRequest`, and gets an `OpenedService` with its `Queue`. The service uses of
the program's processor what `ServedProcessor` lists.
"""

from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from typing import Protocol
else:
    Protocol = object  # which Python has since 3.8

InjectedHandler = Callable[[bytes], bytes]
Loading = Optional[Awaitable[None]]
"""What `initialize` returns."""
Answer = Union[Tuple[Any, int], Awaitable[Tuple[Any, int]], Iterator[Any], AsyncIterator[Any]]
"""What `process` returns: data and status, later or at once; or the parts of the data."""


class Queue(Protocol):
    """
    The requests of a service, for programs that read them themselves.
    """

    def read(self) -> bytes:
        """
        Wait for a request; this thread is to answer it.
        """

    def read_upto(self, batch_size: int, timeout_ms: int) -> "list[bytes]":
        """
        Wait for up to *batch_size* requests, *timeout_ms* milliseconds in all, and return what came. With a negative
        time-out wait for the first as long as it takes.
        """

    def answer(self, code: int, data: bytes) -> None:
        """
        Answer the oldest request of this thread.
        """

    def answer_many(self, answers: "Sequence[tuple[int, bytes]]") -> None:
        """
        Answer all requests of this thread, in order.
        """

    def read_with_id(self) -> "tuple[bytes, int]":
        """
        Wait for a request that any thread may answer.
        """

    def answer_id(self, code: int, data: bytes, number: int) -> None:
        """
        Answer request *number*.
        """


class ServedProcessor(Protocol):
    """
    A `BaseProcessor`, as far as its service uses it.
    """

    worker_threads: int
    worker_processes: int
    processes: "list[BaseProcess]"

    def initialize(self) -> Loading:
        """
        Load the model.
        """

    def process(self, data: bytes) -> Answer:
        """
        Answer one request.
        """

    def batch_process(self, batch: "list[bytes]") -> "list[tuple[Any, int]]":
        """
        Answer several requests.
        """

    def run(self) -> None:
        """
        Serve until the service ends.
        """


class OpenedService(Protocol):
    """
    Serves this process.
    """

    @property
    def queue(self) -> Queue:
        """
        The requests, for programs that read them themselves.
        """

    def run(self, processor: ServedProcessor) -> None:
        """
        Initialise *processor*, serve with it, and return when the service has ended.
        """

    def inject(self, path: str, handler: InjectedHandler, token: "str | None") -> None:
        """
        Have *handler* answer requests to *path*.
        """

    def stop(self) -> None:
        """
        Take no more requests.
        """


class ServiceRequest(NamedTuple):
    """
    What a program asks for when it opens a service. Without a *processor* it reads requests itself.
    """

    endpoint: "str | None"
    io_threads: int
    processor: "ServedProcessor | None"
