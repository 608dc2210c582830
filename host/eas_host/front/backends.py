"""
Which backend answers a request: the service's only one, or that of the model that the path names.

A service of several models answers at `/api/predict/<service>/<model>` and below (docs/eas-compatibility.md, section
7.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from eas_host import answers
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Destination, RequestHead
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission import request_target
from eas_runtime.messages import Message

_PREDICT: Final = "/api/predict/"


class Backends:
    """
    The backends of the version that serves, and those retired ones that still finish.

    Args:
        service: the service's name.
        serving: the backends that serve; there is at least one before the first request comes.

    Attributes:
        serving: the backends that serve, in the order of the description.
        retired: the backends that only finish what they have.
    """

    def __init__(self, service: str = "", serving: Sequence[Backend] = ()) -> None:
        self.serving = tuple(serving)
        self.retired: list[Backend] = []
        only = self.serving[0] if len(self.serving) == 1 else None
        self._only = only if only is not None and only.name is None else None
        self._service = service
        self._models_prefix = f"{_PREDICT}{service}/".encode()
        self._by_name = {backend.name.encode(): backend for backend in self.serving if backend.name is not None}

    def __iter__(self) -> Iterator[Backend]:
        yield from self.serving
        yield from self.retired

    @property
    def first(self) -> Backend:
        """
        The only backend that serves, or the first of the description.
        """
        return self.serving[0]

    @property
    def not_ready(self) -> str | None:
        """
        Why the service takes no requests now; None if it does.
        """
        for backend in self.serving:
            if (reason := backend.dispatcher.not_ready) is not None:
                return f"{backend.log_prefix}{reason}"
        return None

    def send(self, message: Message) -> None:
        """
        Send *message* to all workers that are ready.
        """
        for backend in self.serving:
            backend.workers.send(message)

    def named(self, name: str | None) -> Backend | None:
        """
        Return the backend that serves the model called *name*; None if there is none.
        """
        return next((backend for backend in self.serving if backend.name == name), None)

    def find(self, path: bytes) -> Backend | ErrorResponse:
        """
        Find the backend that answers requests to *path*, or the 404 if there is none.
        """
        if self._only is not None:
            return self._only
        path = unquote_to_bytes(path)
        if path.startswith(self._models_prefix):
            found = self._by_name.get(path[len(self._models_prefix) :].partition(b"/")[0])
            if found is not None:
                return found
        text = f"there is no model at that path; there are: {', '.join(self.paths())}"
        return ErrorResponse(answers.NO_SUCH_MODEL, text)

    def successor(self, head: RequestHead) -> Destination | ErrorResponse:
        """
        Find the backend that answers a request with *head* now; another version may serve than when the head was read.
        """
        if not head.backend.retired:
            return head.backend
        # Looked up each time: a version that remembered its successor would keep it in memory.
        successor = self.named(head.backend.name)
        if successor is not None:
            return successor
        return self.first if head.handler is not None else self.find(request_target.path_of(head.url))

    def paths(self) -> Iterator[str]:
        """
        Yield the path of each backend that serves, quoted for a URL.
        """
        service = f"{_PREDICT}{quote(self._service)}"
        for backend in self.serving:
            yield service if backend.name is None else f"{service}/{quote(backend.name)}"
