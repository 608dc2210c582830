"""
`call` and `tell`: two further ways to the processor.
"""

from __future__ import annotations

from typing import Final

from eas_host import answers, log
from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import WRITING, Builtin, text
from eas_host.front.detached_requests import DetachedResponder, Outcome
from eas_host.front.open_connections import OpenConnections
from eas_host.front.router import Router
from eas_host.reply import BAD_REQUEST

_MAX_LOGGED: Final = 200
"""Bytes of an answer that are logged."""


class Call(Builtin):
    """
    `call`: hands the body to the processor and answers with its answer, as `/api/predict/<service>` does.

    EAS documents the name only; what it does is our choice.
    """

    forwards_body = True

    def __init__(self, access: Access, router: Router, max_body: int) -> None:
        super().__init__(access)
        self._router = router
        self.max_body = max_body

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Hand *body* on; the answer goes the usual way.
        """
        error_response = self._router.submit(exchange)
        if error_response is not None:
            exchange.responder.send_error(exchange, error_response)
        return None


class Tell(Builtin):
    """
    `tell`: hands the body to the processor and answers 202 at once. What the processor answers is dropped; an error is
    logged. It may take longer than `rpc.keepalive`, for nobody waits; but the host, which has accepted the request,
    does not stop before it is done.

    EAS documents the name only; what it does is our choice.
    """

    methods = WRITING
    forwards_body = True

    def __init__(self, access: Access, router: Router, max_body: int, connections: OpenConnections) -> None:
        super().__init__(access)
        self._router = router
        self._connections = connections
        self.max_body = max_body

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Hand *body* on, as a request of its own.
        """

        def done(outcome: Outcome) -> None:
            self._connections.discard_detached(responder)
            if outcome.status >= BAD_REQUEST:
                who = "the processor answered " if outcome.by_processor else ""
                log.warning("/api/builtin/tell: %s%d: %s", who, outcome.status, _in_one_line(outcome))

        responder = DetachedResponder(done)
        detached = Exchange(responder, exchange.deadline, RequestHead(), body, complete=True)
        detached.size = len(body)
        detached.head.method, detached.head.url = exchange.head.method, exchange.head.url
        detached.head.backend = exchange.head.backend
        error_response = self._router.submit(detached)
        if error_response is not None:
            exchange.responder.send_error(exchange, error_response)
            return None
        self._connections.add_detached(responder)
        return text(answers.HANDED_ON, "accepted")


def _in_one_line(outcome: Outcome) -> str:
    """
    Return the start of what *outcome* says, escaped so that it cannot begin a new line in the log.
    """
    return repr(outcome.body_text(_MAX_LOGGED))[1:-1]
