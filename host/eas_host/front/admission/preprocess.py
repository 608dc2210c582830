"""
What is done with a complete request whose body is not simply handed to the processor.

In this order: its body is compared with the digest that a signature covers, decompressed, and handed to a builtin
handler or to the processor. A small body is decompressed at once. A large one is decompressed by a thread of a pool,
since it takes longer than others should wait. Until its turn comes it stays where bodies arrive
(`dispatch.body_buffer`), so that however many wait, only `_THREADS` of them are in the front's memory, compressed and
decompressed. Its turn comes when the memory budget has room for what it may decompress to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from eas_host import answers, log
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.dispatch.responses import ErrorResponse, internal_error
from eas_host.front.admission import decompression, tokens
from eas_host.front.router import Router
from eas_host.front.service_state import ServiceState

_THREADS: Final = 2
_SMALL: Final = 16 * 1024
"""Bodies up to this size are decompressed at once, unless more than `_SMALL_DECOMPRESSED` bytes can come of one."""
_SMALL_DECOMPRESSED: Final = 128 * 1024
_BUDGET: Final = " (--memory-budget)"
_RETRY_SECONDS: Final = 0.05
"""How often the budget is asked for room while no body is being decompressed whose end would give some back."""


class _DecompressionJob(NamedTuple):
    """
    A body that waits to be decompressed: that of *exchange*. It may decompress to *limit* bytes; with the compressed
    body these are *memory* bytes.
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
        self._jobs: deque[_DecompressionJob] = deque()
        self._decompressing = 0  # bodies that threads have
        self._retry_timer: asyncio.TimerHandle | None = None

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
                limit = min(_SMALL_DECOMPRESSED, self._limit(exchange))
                return self._hand_on(exchange, self._decompress(exchange, body, limit, decompression.QUICK))
            except (decompression.TooLarge, decompression.TooMuchWork):
                exchange.body = body  # too much to do at once, but perhaps not for a thread
            except decompression.Corrupt as error:
                return _corrupt(error)
        return self._queue(exchange)

    def close(self) -> None:
        """
        Drop the bodies that wait, and let the threads end.
        """
        self._jobs.clear()
        if self._retry_timer is not None:
            self._retry_timer.cancel()
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
            return internal_error()
        if answer is not None:
            exchange.responder.send_host_response(exchange, answer)
        return None

    def _limit(self, exchange: Exchange) -> int:
        handler = exchange.head.handler
        return self._budget.max_body if handler is None else handler.max_body

    def _decompress(self, exchange: Exchange, body: bytes, limit: int, effort: decompression.Effort) -> bytes:
        head = exchange.head
        assert head.content_encoding is not None  # noqa: S101  only compressed bodies come here
        return decompression.decompress(
            head.content_encoding, body, limit, decompression.original_length(head.fields), effort
        )

    def _queue(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Have *exchange* wait for its turn to be decompressed; refuse it if the budget can never have room for that.
        """
        head = exchange.head
        assert head.content_encoding is not None  # noqa: S101  only compressed bodies come here
        limit = min(self._limit(exchange), decompression.max_decompressed_size(head.content_encoding, exchange.size))
        possible = self._budget.largest_decompression
        if exchange.size > possible:
            return _too_large(possible, _BUDGET)
        limit = min(limit, possible - exchange.size)
        job = _DecompressionJob(exchange, limit, exchange.size + limit)
        if exchange.body_buffer is None:
            body, exchange.body = exchange.body, b""
            exchange.begin_body_buffer().write(body)
        if exchange.responder.is_active(exchange):  # else it was refused for want of memory to wait in
            self._jobs.append(job)
            self._start_jobs()
        return None

    def _retry(self) -> None:
        self._retry_timer = None
        self._start_jobs()

    def _start_jobs(self) -> None:
        while self._jobs and self._decompressing < _THREADS:
            job = self._jobs[0]
            exchange = job.exchange
            if not exchange.responder.is_active(exchange):
                self._jobs.popleft()
                continue  # its client has left, or its deadline has passed
            if not self._budget.reserve_for_decompression(job.memory):
                break
            self._jobs.popleft()
            self._decompressing += 1
            try:
                future = self._threads.submit(self._decompress_large, exchange, exchange.take_body(), job.limit)
            except RuntimeError as error:  # the system lets no thread be started
                self._give_back(job)
                # The pool would keep the refused job, body and all, until it has a thread: replace it.
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = _make_pool()
                extra = "Retry-After: 1\r\n"
                exchange.responder.send_error(
                    exchange, ErrorResponse(answers.NO_MEMORY, f"the body cannot be decompressed: {error}", extra=extra)
                )
            else:
                future.add_done_callback(partial(self._from_thread, job))
        if self._jobs and not self._decompressing and self._retry_timer is None:
            self._retry_timer = self._loop.call_later(_RETRY_SECONDS, self._retry)

    def _decompress_large(self, exchange: Exchange, body: bytes, limit: int) -> bytes | ErrorResponse:
        """
        Called in a thread. No error leaves this method: in a future it would hold the body, through the frames of its
        trace, until the garbage collector runs.
        """
        try:
            return self._decompress(exchange, body, limit, decompression.THOROUGH)
        except decompression.Corrupt as error:
            return _corrupt(error)
        except decompression.TooLarge:
            return _too_large(limit, "" if limit == self._limit(exchange) else _BUDGET)
        except Exception:  # noqa: BLE001  a bug of ours costs this request only
            log.exception("internal error while decompressing a body")
            return internal_error()

    def _from_thread(self, job: _DecompressionJob, future: Future[bytes | ErrorResponse]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the host has ended meanwhile
            self._loop.call_soon_threadsafe(self._decompressed, job, future)

    def _decompressed(self, job: _DecompressionJob, future: Future[bytes | ErrorResponse]) -> None:
        exchange = job.exchange
        self._give_back(job)
        if exchange.responder.is_active(exchange):
            found = future.result()
            error_response = found if isinstance(found, ErrorResponse) else self._hand_on(exchange, found)
            if error_response is not None:
                exchange.responder.send_error(exchange, error_response)
        self._start_jobs()

    def _give_back(self, job: _DecompressionJob) -> None:
        self._decompressing -= 1
        self._budget.decompressing -= job.memory


def _make_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "decompress")  # starts no thread before one is needed


def _too_large(limit: int, advice: str) -> ErrorResponse:
    return ErrorResponse(answers.DECOMPRESSED_TOO_LARGE, f"the decompressed body is larger than {limit} bytes{advice}")


def _corrupt(error: decompression.Corrupt) -> ErrorResponse:
    return ErrorResponse(answers.DAMAGED_BODY, f"the body cannot be decompressed: {error}")
