"""
Requests that no connection waits for: those of `/api/builtin/tell`, and those that warm a processor up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from eas_host import answers
from eas_host.dispatch.exchange import NO_PEER, Exchange
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.dispatch.responses import ErrorResponse, Response

_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of an answer in parts: nobody reads it as it comes, so it is kept."""


class Outcome(NamedTuple):
    """
    The *status* and *body* that answer a request, and whether they come from the processor (*by_processor*). The body
    of an answer of the host itself is text.
    """

    status: int
    body: bytes
    by_processor: bool = False

    def body_text(self, longest: int) -> str:
        """
        Return the body as text; of a processor's answer only the first *longest* bytes.
        """
        body = self.body[:longest] if self.by_processor else self.body
        return body.decode("utf-8", "backslashreplace")


class DetachedResponder:
    """
    Stands in for a connection (`Responder`). *done* is called once, with whatever answers the request.
    """

    peer = NO_PEER

    def __init__(self, done: Callable[[Outcome], None]) -> None:
        self._done: Callable[[Outcome], None] | None = done
        self._parts: list[bytes] = []
        self._size = 0

    def send_response(self, exchange: Exchange, status: int, body: bytes | LargeOutput) -> None:
        """
        The processor has answered.
        """
        own = body.take() if isinstance(body, LargeOutput) else body
        self._end(Outcome(status, own, by_processor=True))

    def send_parts(self, exchange: Exchange, status: int, read: Callable[[], bytes]) -> None:
        """
        The processor answers in parts: they are kept until the last one is there, or there are too many.
        """
        if self._done is None:
            return
        exchange.in_parts = True
        part = read()
        self._parts.append(part)
        self._size += len(part)
        if self._size > _MOST_BYTES:
            exchange.head.backend.abandon(exchange)
            text = f"the answer in parts has more than {_MOST_BYTES} bytes, and nobody reads it as it comes"
            self.send_error(exchange, ErrorResponse(answers.BAD_OUTPUT, text))

    def end_parts(self, exchange: Exchange, status: int, rest: bytes) -> None:
        """
        The processor has answered in parts.
        """
        exchange.in_parts = False
        self._end(Outcome(status, b"".join((*self._parts, rest)), by_processor=True))

    def send_error(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        The host has answered, since the processor could not.
        """
        self._end(Outcome(error_response.status, error_response.text.encode()))

    def send_host_response(self, exchange: Exchange, answer: Response) -> None:
        """
        The host has answered in place of the processor.
        """
        self._end(Outcome(answer.status, answer.body))

    def send_more(self, data: bytes) -> bool:
        """
        Return False: no handler whose answer streams gets such requests.
        """
        return False

    def end_stream(self) -> None:
        """
        Do nothing, as above.
        """

    def time_out(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        There is no memory, or no time, for the request.
        """
        self.send_error(exchange, error_response)

    def is_active(self, exchange: Exchange) -> bool:
        """
        Tell whether the request still waits for its answer.
        """
        return self._done is not None

    def reset(self) -> None:
        """
        End the request with 500: a bug of ours has prevented its answer.
        """
        self._end(Outcome(answers.INTERNAL.status, b"internal error"))

    def socket_address(self, which: str) -> None:
        """
        Return None: there is no socket.
        """

    def _end(self, outcome: Outcome) -> None:
        done, self._done = self._done, None
        self._parts.clear()
        if done is not None:
            done(outcome)
