"""
Two further ways to the processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from eas_host import log
from eas_host.front.builtin.handler import WRITING, Builtin, text
from eas_host.front.exchange import Answer, Exchange, Head, Refusal
from eas_host.reply import ACCEPTED, BAD_REQUEST

if TYPE_CHECKING:
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext


class Call(Builtin):
    """
    `call`: hands the body to the processor and answers with its answer, as `/api/predict/<service>` does.

    EAS documents the name only; what it does is our choice.
    """

    hands_on = True

    def __init__(self, front: FrontContext) -> None:
        super().__init__(front)
        self.max_body = front.max_body

    def answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Hand *body* on; the answer goes the usual way.
        """
        refusal = self.front.submit(exchange)
        if refusal is not None:
            exchange.connection.refuse(exchange, refusal)
        return None


class Tell(Builtin):
    """
    `tell`: hands the body to the processor and answers 202 at once. What the processor answers is dropped; an error is
    logged. It may take longer than `rpc.keepalive`, for nobody waits.

    EAS documents the name only; what it does is our choice.
    """

    methods = WRITING
    hands_on = True

    def __init__(self, front: FrontContext) -> None:
        super().__init__(front)
        self.max_body = front.max_body

    def answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Hand *body* on, as a request of its own.
        """
        nobody = Nobody(self.front)
        told = Exchange(cast("Connection", nobody), exchange.deadline, Head(), body, complete=True)
        told.size = len(body)
        told.head.method, told.head.url = exchange.head.method, exchange.head.url
        told.head.backend = exchange.head.backend
        refusal = self.front.submit(told)
        if refusal is not None:
            exchange.connection.refuse(exchange, refusal)
            return None
        self.front.told.add(nobody)
        return text(ACCEPTED, "accepted")


class Nobody:
    """
    Stands in for the connection of a request that nobody waits for: it has what the dispatcher calls. The host, which
    has accepted the request, does not stop before that is done.
    """

    def __init__(self, front: FrontContext) -> None:
        self._front = front

    def answer(self, exchange: Exchange, status: int, body: bytes) -> None:
        """
        The processor has answered.
        """
        self.reset()
        if status >= BAD_REQUEST:
            log.warning("/api/builtin/tell: the processor answered %d: %s", status, _start(body))

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """
        The host has answered, since the processor could not.
        """
        self.reset()
        log.warning("/api/builtin/tell: %d: %s", refusal.status, refusal.text)

    def reset(self) -> None:
        """
        The request is over.
        """
        self._front.told.discard(self)
        self._front.check_drained()


def _start(body: bytes) -> str:
    """
    The start of what came from outside, in one line of the log.
    """
    return repr(body[:200].decode("utf-8", "backslashreplace"))[1:-1]
