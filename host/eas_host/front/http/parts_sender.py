"""
Sends those answers of the processor that come in parts, as it makes them.

Each part is sent as one chunk (RFC 9112, section 7.1) when it comes; parts that come together may be one. While the
client is slow nothing is read from the ring, whose slot holds some 64 KiB of an answer: that stops the processor, which
so never gets far ahead of its client. The time that a request may take counts anew with each part, and not at all while
the client is slow; `Housekeeping` resets clients that read nothing for long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.http.client_socket import ClientSocket
from eas_host.front.http.connection_context import ConnectionContext
from eas_host.reply import BODILESS

_LAST_CHUNK: Final = b"0\r\n\r\n"


class AnswerInParts:
    """
    What is known of an answer that has begun: its *status*, whether it is *chunked*, and whether the connection stays
    open after it (*keep*).

    Attributes:
        read: takes more of it out of the ring.
        size: bytes sent so far.
    """

    __slots__ = ("chunked", "keep", "read", "size", "status")

    def __init__(self, status: int, *, chunked: bool, keep: bool) -> None:
        self.status = status
        self.chunked = chunked
        self.keep = keep
        self.read: Callable[[], bytes] = bytes
        self.size = 0


class PartsSender(ClientSocket):
    """
    Superclass of the connection, which says when its client is slow (`_stalled`) and what follows an answer.
    """

    def __init__(self, context: ConnectionContext) -> None:
        super().__init__(context.state.keepalive, context.state.loop.time())
        self._state = context.state
        self._observer = context.observer
        self._heads = context.heads
        self._now = context.state.loop.time
        self._open = context.deadlines.open
        self._stalled = False  # the client does not read its answers
        self._parts: AnswerInParts | None = None

    @property
    def answers_in_parts(self) -> bool:
        """
        Whether it sends an answer of which more is to come.
        """
        return self._parts is not None

    def send_parts(self, exchange: Exchange, status: int, read: Callable[[], bytes]) -> None:
        """
        Send what *read* returns of the answer to *exchange*, as soon as the client takes it.
        """
        if self._parts is None and not self._begin_parts(exchange, status):
            return
        assert self._parts is not None  # noqa: S101  it has begun
        self._parts.read = read
        self._forward_parts(exchange)

    def end_parts(self, exchange: Exchange, status: int, rest: bytes) -> None:
        """
        Send the *rest* of the answer to *exchange*.
        """
        if self._parts is None and not self._begin_parts(exchange, status):
            return
        answer, self._parts = self._parts, None
        assert answer is not None  # noqa: S101  it has begun
        self._send_part(answer, rest)
        if answer.chunked:
            self.transport.write(_LAST_CHUNK)
        exchange.in_parts = False
        self._observer.processor_responded(exchange, answer.status, answer.size)
        self._ended(exchange, keep=answer.keep)

    def _begin_parts(self, exchange: Exchange, status: int) -> bool:
        """
        Send the head of an answer. Returns whether a body follows.
        """
        head = exchange.head
        keep = head.keep_alive and not (head.http_10 or self._state.draining)
        self.transport.write(
            self._heads.in_parts(
                status, keep_alive=keep, http_10=head.http_10, cors=head.cors, why=exchange.explanation
            )
        )
        exchange.in_parts = True
        exchange.began = self._now() - self._state.age(exchange)
        if status in BODILESS or head.method == b"HEAD":
            exchange.head.backend.abandon(exchange)
            self._observer.processor_responded(exchange, status, 0)
            self._ended(exchange, keep=keep)
            return False
        self._parts = AnswerInParts(status, chunked=not head.http_10, keep=keep)
        return True

    def _forward_parts(self, exchange: Exchange) -> None:
        """
        Send what there is. The worker says when there is more.
        """
        self._open.pop(exchange, None)
        answer = self._parts
        if answer is None or self._stalled:
            return
        self._send_part(answer, answer.read())
        if not self._stalled:
            exchange.deadline = self._now() + self.keepalive
            self._open[exchange] = None

    def _send_part(self, answer: AnswerInParts, part: bytes) -> None:
        if not part:  # an empty chunk would be the last one
            return
        answer.size += len(part)
        self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if answer.chunked else part)

    def _cut_parts(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        End an answer that cannot go on for the reason of *error_response*, so that the client sees that it is not
        whole: without its last chunk; in HTTP/1.0 by a reset.
        """
        answer, self._parts = self._parts, None
        assert answer is not None  # noqa: S101  it has begun
        if error_response.status == answers.EXCEPTION.status:  # which the ring has counted
            self._observer.processor_responded(exchange, error_response.status, answer.size)
        else:
            self._observer.host_responded(exchange, error_response.status, answer.size)
        if answer.chunked:
            self._ended(exchange, keep=False)
        else:
            self.reset()

    def _ended(self, exchange: Exchange, *, keep: bool) -> None:
        """
        *exchange* is answered: close, or go on with the next one.
        """
        raise NotImplementedError
