"""
What a complete request goes through that is more than "hand the body to the processor".

In this order: its body is compared with the digest that a signature covers, unpacked, and handed to a builtin handler
or to the processor. A small body is unpacked at once. A large one is unpacked by a thread of its own, since it takes
longer than others should wait; until its turn comes it stays where bodies arrive (`dispatch.body_buffer`), so that
however many wait, only `_THREADS` of them are in the front's memory, packed and unpacked; and its turn comes when the
memory budget has room for what may become of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from eas_host import log
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission import decompression, tokens
from eas_host.front.router import Router
from eas_host.front.service_state import ServiceState

_THREADS: Final = 2
_SMALL: Final = 16 * 1024
"""Packed bodies up to this size are unpacked at once, if no more than `_SMALL_UNPACKED` bytes come of them."""
_SMALL_UNPACKED: Final = 128 * 1024
_BUDGET: Final = " (--memory-budget)"
_AGAIN_SECONDS: Final = 0.05
"""How often the budget is asked for room while nothing is unpacked that would give some back."""


class _Turn(NamedTuple):
    """
    The turn of *exchange*: what may come of its body is *limit* bytes, and with the body itself *memory* bytes.
    """

    exchange: Exchange
    limit: int
    memory: int


class Preprocessor:
    """
    Takes complete requests that need more than to be submitted by *router*; *budget* has the memory for that.
    """

    def __init__(self, state: ServiceState, router: Router, budget: MemoryBudget) -> None:
        self._state = state
        self._router = router
        self._budget = budget
        self._loop = state.loop
        self._threads = _make_pool()
        self._turns: deque[_Turn] = deque()
        self._unpacking = 0
        self._again: asyncio.TimerHandle | None = None

    def begin(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Begin with *exchange*, the active one of its connection. Returns an error response, or None if it is under way.
        """
        head = exchange.head
        if exchange.digest is not None:
            error_response = tokens.compare_digest(head, exchange.digest)
            if error_response is not None:
                return error_response
        if head.content_encoding is None and head.handler is None:
            return self._router.submit(exchange)
        if head.content_encoding is None or exchange.size == 0:
            return self._hand_on(exchange, exchange.take_body())
        if head.handler is None:
            successor = self._state.backends.successor(head)
            error_response = successor if isinstance(successor, ErrorResponse) else successor.would_refuse()
            if error_response is not None:
                return error_response
        if exchange.size <= _SMALL:
            body = exchange.take_body()
            try:
                limit = min(_SMALL_UNPACKED, self._limit(exchange))
                return self._hand_on(exchange, self._unpack(exchange, body, limit, decompression.QUICK))
            except (decompression.TooLarge, decompression.TooMuchWork):
                exchange.body = body  # too much for now, perhaps not too much
            except decompression.Corrupt as error:
                return _corrupt(error)
        return self._queue(exchange)

    def close(self) -> None:
        """
        Let the threads end.
        """
        self._turns.clear()
        if self._again is not None:
            self._again.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hand_on(self, exchange: Exchange, body: bytes) -> ErrorResponse | None:
        handler = exchange.head.handler
        exchange.body = body
        exchange.size = len(body)
        if handler is None:
            return self._router.submit(exchange)
        try:
            answer = handler(exchange, body)
        except Exception:  # noqa: BLE001  a bug of ours costs this request only
            log.exception("internal error in a builtin handler")
            return ErrorResponse(500, "internal error of the host; its log has the trace")
        if answer is not None:
            exchange.responder.send_host_response(exchange, answer)
        return None

    def _limit(self, exchange: Exchange) -> int:
        handler = exchange.head.handler
        return self._budget.max_body if handler is None else handler.max_body

    def _unpack(self, exchange: Exchange, body: bytes, limit: int, effort: decompression.Effort) -> bytes:
        head = exchange.head
        assert head.content_encoding is not None  # noqa: S101  that is why it came here
        return decompression.decompress(
            head.content_encoding, body, limit, decompression.original_length(head.fields), effort
        )

    def _queue(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Have *exchange* wait for its turn, if it can ever come.
        """
        head = exchange.head
        assert head.content_encoding is not None  # noqa: S101  the same
        limit = min(self._limit(exchange), decompression.most(head.content_encoding, exchange.size))
        possible = self._budget.largest_unpacking
        if exchange.size > possible:
            return _too_large(possible, _BUDGET)
        limit = min(limit, possible - exchange.size)
        turn = _Turn(exchange, limit, exchange.size + limit)
        if exchange.body_buffer is None:
            body, exchange.body = exchange.body, b""
            exchange.begin_body_buffer().write(body)
        if exchange.responder.is_active(exchange):  # else there was no memory for it to wait in
            self._turns.append(turn)
            self._next_turn()
        return None

    def _try_again(self) -> None:
        self._again = None
        self._next_turn()

    def _next_turn(self) -> None:
        while self._turns and self._unpacking < _THREADS:
            turn = self._turns[0]
            exchange = turn.exchange
            if not exchange.responder.is_active(exchange):
                self._turns.popleft()
                continue  # its client has left, or its deadline has passed
            if not self._budget.unpack(turn.memory):
                break
            self._turns.popleft()
            self._unpacking += 1
            try:
                future = self._threads.submit(self._unpack_large, exchange, exchange.take_body(), turn.limit)
            except RuntimeError as error:  # the system lets no thread be started
                self._given_back(turn)
                # It keeps what it was given, body and all, until it has a thread: with that body refused, it has to go.
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = _make_pool()
                extra = "Retry-After: 1\r\n"
                exchange.responder.send_error(
                    exchange, ErrorResponse(503, f"the body cannot be unpacked: {error}", extra=extra)
                )
            else:
                future.add_done_callback(partial(self._from_thread, turn))
        if self._turns and not self._unpacking and self._again is None:
            self._again = self._loop.call_later(_AGAIN_SECONDS, self._try_again)

    def _unpack_large(self, exchange: Exchange, body: bytes, limit: int) -> bytes | ErrorResponse:
        """
        Called in a thread. An error ends here: in a future it would hold the body, through the frames of its trace,
        until the garbage collector comes by.
        """
        try:
            return self._unpack(exchange, body, limit, decompression.THOROUGH)
        except decompression.Corrupt as error:
            return _corrupt(error)
        except decompression.TooLarge:
            return _too_large(limit, "" if limit == self._limit(exchange) else _BUDGET)
        except Exception:  # noqa: BLE001  the same
            log.exception("internal error while unpacking a body")
            return ErrorResponse(500, "internal error of the host; its log has the trace")

    def _from_thread(self, turn: _Turn, future: Future[bytes | ErrorResponse]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the host has ended meanwhile
            self._loop.call_soon_threadsafe(self._unpacked, turn, future)

    def _unpacked(self, turn: _Turn, future: Future[bytes | ErrorResponse]) -> None:
        exchange = turn.exchange
        self._given_back(turn)
        if exchange.responder.is_active(exchange):
            found = future.result()
            error_response = found if isinstance(found, ErrorResponse) else self._hand_on(exchange, found)
            if error_response is not None:
                exchange.responder.send_error(exchange, error_response)
        self._next_turn()

    def _given_back(self, turn: _Turn) -> None:
        self._unpacking -= 1
        self._budget.unpacking -= turn.memory


def _make_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "unpack")  # starts no thread before one is needed


def _too_large(limit: int, advice: str) -> ErrorResponse:
    return ErrorResponse(413, f"the unpacked body is larger than {limit} bytes{advice}")


def _corrupt(error: decompression.Corrupt) -> ErrorResponse:
    return ErrorResponse(400, f"the body cannot be unpacked: {error}")
