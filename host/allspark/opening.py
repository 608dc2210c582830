"""
Where a program meets what serves it.

Under `eas-host` the host has set `opener` before the program's first line. Under `python app.py` nobody has, and
opening a service starts a front of its own. This is the one place that knows of the host, and only when it is called:
importing allspark loads nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from allspark.base import BaseProcessor

Handler = Callable[[bytes], bytes]


class Queue(Protocol):
    """
    The requests of a service, for programs that read them themselves.
    """

    def read(self) -> bytes:
        """
        Wait for a request; this thread is to answer it.
        """

    def read_upto(self, batch_size: int, timeout_ms: int) -> list[bytes]:
        """
        Wait for a request, then for up to *timeout_ms* for more, *batch_size* in all.
        """

    def answer(self, code: int, data: bytes) -> None:
        """
        Answer the oldest request of this thread.
        """

    def answer_many(self, answers: Sequence[tuple[int, bytes]]) -> None:
        """
        Answer all requests of this thread, in order.
        """

    def read_with_id(self) -> tuple[bytes, int]:
        """
        Wait for a request that any thread may answer.
        """

    def answer_id(self, code: int, data: bytes, number: int) -> None:
        """
        Answer request *number*.
        """


class Service(Protocol):
    """
    What serves this process.
    """

    @property
    def queue(self) -> Queue:
        """
        The requests, for programs that read them themselves.
        """

    def run(self, processor: BaseProcessor) -> None:
        """
        Initialise *processor*, serve with it, and return when all is over.
        """

    def inject(self, path: str, handler: Handler, token: str | None) -> None:
        """
        Have *handler* answer requests to *path*.
        """

    def stop(self) -> None:
        """
        Take no more requests.
        """


class Opening(NamedTuple):
    """
    What a program asks for when it opens a service. Without a *processor* it reads requests itself.
    """

    endpoint: str | None
    io_threads: int
    processor: BaseProcessor | None


opener: Callable[[Opening], Service] | None = None


def open_service(opening: Opening) -> Service:
    """
    Open this process's service; there is one, however often it is asked for.
    """
    if opener is not None:
        return opener(opening)
    from eas_host.attached import open_service as start_front  # noqa: PLC0415  late: see above

    return start_front(opening)
