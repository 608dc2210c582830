"""
Handlers that programs bring themselves: `QueuedService.inject(path, handler, token)` of allspark.

The handler runs in a worker. A request to its path travels there over the worker's control socket, not over the ring,
which carries what the processor is to answer; so it is for small and rare requests, as the host's own handlers are.
What comes while its worker loads, or just after its worker has died, waits for it as all requests do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from eas_host import answers, log
from eas_host.dispatch.backend import Backend, WorkerId
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse, Response
from eas_host.front.admission import request_target
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, SMALL_BODY, WRITING, refused, text
from eas_host.front.service_state import ServiceState
from eas_host.reply import Statuses
from eas_runtime.messages import CallHandler

_BUILTIN: Final = "/api/builtin/"
_BEARER: Final = b"bearer "
_CALLS: Final = 64
"""Requests under way at once, as many as EAS lets wait (docs/eas-compatibility.md, section 7.3); beyond it 450."""


class _Call(NamedTuple):
    """
    A request, *exchange*, that is for *worker*. *unsent* is the message to the worker; None once it was sent.
    """

    worker: WorkerId
    exchange: Exchange
    unsent: CallHandler | None


class InjectedHandler:
    """
    Answers requests to one path through the worker that brought its handler.

    Args:
        injected: carries the requests.
        worker: the worker.
        path: as it was registered.
        token: what requests to that path must bring, in place of the service's token.
    """

    methods = READING | WRITING
    max_body = SMALL_BODY
    forwards_body = False

    def __init__(self, injected: Injected, worker: WorkerId, path: str, token: str | None) -> None:
        self.worker = worker
        self._injected = injected
        self._path = path
        self._token = token.encode() if token else None
        self.public = token is not None

    def __call__(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Send *body* to the worker, if its client may do so. Another version may have taken over since the head was read.
        """
        if self.worker.backend.retired:
            successor = self._injected.find(request_target.path_of(exchange.head.url))
            return (
                successor(exchange, body)
                if successor is not None
                else text(answers.HANDLER_IS_GONE, f"nobody answers {self._path} any more")
            )
        if self._token is not None and not _has_token(exchange.head.fields, self._token):
            return text(
                answers.HANDLER_UNAUTHORIZED, f"{self._path} needs a token of its own, in the header Authorization"
            )
        error_response = self._injected.refuse_rebound(self._path, exchange) if self._token is None else None
        if error_response is not None:
            return refused(error_response)
        return self._injected.call(self.worker, exchange, self._path, body)


class Injected:
    """
    The injected handlers of all workers, and the requests that are with them. *statuses* has the HTTP status of each
    code that a handler may return.
    """

    def __init__(self, access: Access, state: ServiceState, statuses: Statuses) -> None:
        self._access = access
        self._state = state
        self._statuses = statuses
        self._handlers: dict[bytes, list[InjectedHandler]] = {}  # by path; the newest, which stands last, answers
        self._calls: dict[int, _Call] = {}  # by their numbers
        self._ready: set[WorkerId] = set()  # workers that take messages
        self._last_number = 0

    def find(self, path: bytes) -> InjectedHandler | None:
        """
        The handler for *path*, if a program brought one.
        """
        if not self._handlers:
            return None
        handlers = self._handlers.get(unquote_to_bytes(path))
        return handlers[-1] if handlers else None

    def inject(self, worker: WorkerId, path: str, token: str | None) -> None:
        """
        Have *worker*, whose program has brought a handler, answer requests to *path*. They must have *token*, if it is
        given, in place of the service's token.
        """
        if not path.startswith("/"):
            path = f"/{path}"
        handlers = self._handlers.setdefault(path.encode("utf-8", "surrogateescape"), [])
        handlers[:] = [handler for handler in handlers if handler.worker != worker]
        handlers.append(InjectedHandler(self, worker, path, token))
        log.debug("worker %d: answers %s itself", worker.number, path)

    def refuse_rebound(self, path: str, exchange: Exchange) -> ErrorResponse | None:
        """
        Say why *exchange*, which has no token, is not answered at *path*; None if it is. Only paths below
        `/api/builtin/` are protected so.
        """
        return self._access.refuse_rebound(exchange) if path.startswith(_BUILTIN) else None

    def call(self, worker: WorkerId, exchange: Exchange, path: str, body: bytes) -> Response | None:
        """
        Have *worker* answer *exchange*.
        """
        if len(self._calls) >= _CALLS:
            self._forget_abandoned()
        if len(self._calls) >= _CALLS:
            return text(answers.HANDLERS_BUSY, f"{_CALLS} requests to injected handlers are under way; try again later")
        self._last_number += 1
        message = CallHandler(self._last_number, path, base64.b64encode(body).decode())
        self._calls[self._last_number] = call = _Call(worker, exchange, message)
        if worker in self._ready:
            self._send(self._last_number, call)
        return None

    def worker_ready(self, worker: WorkerId) -> None:
        """
        *worker* takes messages from now on.
        """
        self._ready.add(worker)
        self._forget_abandoned()
        for number, call in list(self._calls.items()):
            if call.worker == worker:
                self._send(number, call)

    def answered(self, worker: WorkerId, number: int, status: int, body: str) -> None:
        """
        *worker* has answered request *number*.
        """
        call = self._calls.get(number)
        if call is None or call.worker != worker:
            return  # it has expired, or its client has left
        del self._calls[number]
        exchange = call.exchange
        try:
            output = base64.b64decode(body, validate=True)
        except binascii.Error:
            exchange.responder.send_host_response(
                exchange, text(answers.HANDLER_FAILED, "what the injected handler answered makes no sense")
            )
            return
        exchange.responder.send_host_response(
            exchange, Response(self._statuses[status], output, self._state.config.content_type)
        )

    def retired(self, backend: Backend) -> None:
        """
        Drop the handlers of *backend*. They answer the requests that they have; those that were not sent get 503.
        """
        self._drop_handlers(lambda worker: worker.backend is backend)
        unsent = [number for number, call in self._calls.items() if call.worker.backend is backend and call.unsent]
        for exchange in [self._calls.pop(number).exchange for number in unsent]:
            answer = text(answers.TAKING_OVER, "another version is taking over; try again")
            exchange.responder.send_host_response(exchange, answer)

    def busy(self, backend: Backend) -> bool:
        """
        Tell whether somebody waits for a handler of *backend*.
        """
        self._forget_abandoned()
        return any(call.worker.backend is backend for call in self._calls.values())

    def worker_died(self, worker: WorkerId) -> None:
        """
        Fail the requests that *worker* had, and drop its handlers until its successor brings them again.
        """
        self._ready.discard(worker)
        self._drop_handlers(lambda other: other == worker)
        failed = [number for number, call in self._calls.items() if call.worker == worker and call.unsent is None]
        for exchange in [self._calls.pop(number).exchange for number in failed]:
            answer = text(answers.HANDLER_FAILED, "the worker died while it answered this request")
            exchange.responder.send_host_response(exchange, answer)

    def _drop_handlers(self, gone: Callable[[WorkerId], bool]) -> None:
        for handlers in self._handlers.values():
            handlers[:] = [handler for handler in handlers if not gone(handler.worker)]

    def _send(self, number: int, call: _Call) -> None:
        if call.unsent is not None:
            self._calls[number] = call._replace(unsent=None)
            call.worker.send(call.unsent)

    def _forget_abandoned(self) -> None:
        """
        Forget the requests that nobody waits for any more, though their handlers may still be busy.
        """
        calls = self._calls.items()
        self._calls = {number: call for number, call in calls if call.exchange.responder.is_active(call.exchange)}


def _has_token(fields: Mapping[bytes, bytes], token: bytes) -> bool:
    """
    Tell whether the header Authorization among *fields* is *token*, as it is or after `Bearer`.
    """
    given = fields.get(b"authorization", b"").strip()
    if given[: len(_BEARER)].lower() == _BEARER:
        given = given[len(_BEARER) :].strip()
    return hmac.compare_digest(given, token)
