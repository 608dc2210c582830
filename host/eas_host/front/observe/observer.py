"""
Counts and logs what becomes of requests.
"""

from __future__ import annotations

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.observe.failure_log import FailureLog
from eas_host.front.observe.metrics import Metrics
from eas_host.front.observe.request_log import RequestLog
from eas_host.front.service_state import ServiceState


class Observer:
    """
    Is told how each exchange ends. What the processor answers is counted in the ring.

    Args:
        state: has the options of the version that serves.
        metrics: counts the host's own answers.
        request_log: writes lines about requests.
        failure_log: says why a request was not answered by the processor.
    """

    def __init__(self, state: ServiceState, metrics: Metrics, request_log: RequestLog, failure_log: FailureLog) -> None:
        self._state = state
        self._metrics = metrics
        self._request_log = request_log
        self._failure_log = failure_log
        self._closed = False

    def close(self) -> None:
        """
        Log no more clients that leave: from now on it is the host that closes connections.
        """
        self._closed = True

    def processor_responded(self, exchange: Exchange, status: int, size: int) -> None:
        """
        The processor's answer to *exchange* was sent: *status*, and *size* bytes. Need not be called while
        `ServiceState.answers_are_plain`.
        """
        if self._state.config.access_log:
            self._request_log.access(exchange, status, size, self._state.age(exchange))

    def host_responded(self, exchange: Exchange, status: int, size: int) -> None:
        """
        An answer of the host itself to *exchange* was sent. The 202 of `tell` is not counted here: the ring counts what
        the processor answers to that request.
        """
        if exchange.head.counts and status != answers.HANDED_ON.status:
            self._metrics.count(status, self._state.age(exchange), size)
        if self._state.config.access_log:
            self._request_log.access(exchange, status, size, self._state.age(exchange))

    def client_left(self, exchange: Exchange) -> None:
        """
        The client of *exchange* has left before its answer, or in the midst of one in parts. EAS logs that as
        499 (docs/eas-compatibility.md, section 4.2).
        """
        if self._closed:
            return
        age = self._state.age(exchange)
        if exchange.head.counts:
            self._metrics.count(answers.LEFT.status, age)
        if not exchange.in_parts:  # else it has as much of it as it wanted
            self.diagnose_left(exchange, age)
        if self._state.config.access_log:
            self._request_log.access(exchange, answers.LEFT.status, 0, age)

    def diagnose_left(self, exchange: Exchange, waited: float) -> None:
        """
        Say in the log that the client of *exchange* has left after it had *waited* so many seconds.
        """
        self._failure_log.left(exchange.responder.peer, self._request_log.line(exchange.head), waited)

    def time_out(self, exchange: Exchange) -> None:
        """
        The deadline of *exchange* has passed: answer it, and say why it took so long.
        """
        # While a program loads for the first time behind an open port, requests wait for it; no worker was lost.
        error_response = exchange.head.backend.refuse_stranded(exchange) if self._state.has_served else None
        if error_response is None:
            milliseconds = self._state.keepalive * 1000
            text = f"the request took longer than {milliseconds:.0f} ms (--keepalive)"
            error_response = ErrorResponse(answers.TIMED_OUT, text)
            self._failure_log.late(self._request_log.line(exchange.head), milliseconds)
        exchange.responder.time_out(exchange, error_response)
