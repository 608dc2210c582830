"""
The low level: a program reads requests and writes answers itself, from as many threads as it likes.

`read` and `write` belong together by thread: what a thread writes answers what it read last. With the forms that end in
`_with_id` any thread may answer. When the service stops, reading raises `SystemExit`, which ends the thread.
"""

import operator
from typing import Callable, Sequence, overload

from allspark.channel import Channel
from allspark.opening import open_service
from allspark.properties import store
from allspark.service import InjectedHandler, OpenedService, ServedProcessor, ServiceRequest

_OK = 200
_PAIR = 2


class Context:
    """
    Opens the program's service. *num_thread* threads run the handlers that it injects.
    """

    def __init__(self, num_thread: int = 4) -> None:
        self.num_thread = num_thread
        self._service: OpenedService | None = None

    def queued_service(self, endpoint: "str | None" = None) -> "QueuedService":
        """
        Open the service: from here on requests are accepted and wait to be read.
        """
        return self.open_for(None, endpoint)

    def open_for(self, processor: "ServedProcessor | None", endpoint: "str | None") -> "QueuedService":
        """
        Open the service for *processor*, whose `run` will serve; None: the program reads requests itself.
        """
        self._service = open_service(ServiceRequest(endpoint, self.num_thread, processor))
        store.set_default(b"model.ready", b"1")  # as EAS does: docs/eas-compatibility.md, section 3.5
        return QueuedService(self._service)

    def channel(self, uri: str) -> Channel:
        """
        Make a client of the service at *uri*.
        """
        return Channel(uri)

    def stop(self) -> None:
        """
        Let the service answer what it has, then end it.
        """
        if self._service is not None:
            self._service.stop()


class QueuedService:
    """
    The requests that wait to be read. Made by `Context.queued_service`.
    """

    def __init__(self, service: OpenedService) -> None:
        self.service = service
        self._queue = service.queue

    def read(self) -> bytes:
        """
        Wait for a request. This thread is to answer it with `write` or `error` before it reads again.
        """
        return self._queue.read()

    def write(self, data: bytes) -> None:
        """
        Answer the request that this thread has read with 200 and *data*.
        """
        self._queue.answer(_OK, _checked(data))

    def error(self, code: int, data: bytes) -> None:
        """
        Answer the request that this thread has read with the HTTP status *code* and *data*.
        """
        self._queue.answer(_status(code), _checked(data))

    def read_upto(self, batch_size: int, timeout_ms: int) -> "list[bytes]":
        """
        Wait for up to *batch_size* requests, *timeout_ms* milliseconds in all, and return what came, perhaps nothing.

        With a negative time-out wait for the first as long as it takes, and return what is there then.
        """
        return self._queue.read_upto(batch_size, timeout_ms)

    def write_many(self, answers: "Sequence[bytes | tuple[int, bytes]]") -> None:
        """
        Answer what `read_upto` returned, in its order: with data each, or a status and data.
        """
        self._queue.answer_many([_pair(answer) for answer in answers])

    def read_with_id(self) -> "tuple[bytes, int]":
        """
        Wait for a request that any thread may answer, once, by the number that comes with it.
        """
        return self._queue.read_with_id()

    def write_with_id(self, data: bytes, id: int) -> None:  # noqa: A002  its name in EAS
        """
        Answer request *id* with 200 and *data*.
        """
        self._queue.answer_id(_OK, _checked(data), id)

    def error_with_id(self, code: int, data: bytes, id: int) -> None:  # noqa: A002  the same
        """
        Answer request *id* with the HTTP status *code* and *data*.
        """
        self._queue.answer_id(_status(code), _checked(data), id)

    @overload
    def inject(
        self, path: str, handler: None = None, token: "str | None" = None
    ) -> "Callable[[InjectedHandler], InjectedHandler]": ...

    @overload
    def inject(self, path: str, handler: InjectedHandler, token: "str | None" = None) -> InjectedHandler: ...

    def inject(
        self, path: str, handler: "InjectedHandler | None" = None, token: "str | None" = None
    ) -> "InjectedHandler | Callable[[InjectedHandler], InjectedHandler]":
        """
        Have *handler*, which takes and returns bytes, answer requests to *path*; those with *token* only, if given.

        Without a handler it is a decorator.
        """

        def register(chosen: InjectedHandler) -> InjectedHandler:
            self.service.inject(path, chosen, token)
            return chosen

        return register if handler is None else register(handler)


def _checked(data: object) -> bytes:
    if not isinstance(data, bytes):
        raise TypeError(f"bytes is expected, {type(data)} is found.")
    return data


def _status(code: object) -> int:
    try:
        return operator.index(code)  # type: ignore[arg-type]  # it raises for what is no number
    except TypeError:
        raise TypeError(f"the code must be a whole number, not {code!r}") from None


def _pair(answer: "bytes | tuple[int, bytes]") -> "tuple[int, bytes]":
    if isinstance(answer, tuple) and len(answer) == _PAIR:
        return _status(answer[0]), _checked(answer[1])
    return _OK, _checked(answer)
