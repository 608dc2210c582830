"""
Takes requests to the processor of the version that serves, whichever served when their heads were read.
"""

from __future__ import annotations

from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.service_state import ServiceState


class Router:
    """
    Submits exchanges to the backends that *state* has.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    def submit(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Submit *exchange*, whose request took a while to arrive. Returns an error response if it cannot be taken now.
        """
        if exchange.head.backend.retired:
            error_response = self._move(exchange)
            if error_response is not None:
                return error_response
        return exchange.head.backend.submit_late(exchange, self._state.age(exchange))

    def submit_waiting(self, backend: Backend) -> None:
        """
        Submit the requests that wait in *backend*, which is retired, to the version that serves.
        """
        for exchange in backend.dispatcher.take_waiting(backend.workers.take_suspects()):
            error_response = self.submit(exchange)
            if error_response is not None:
                exchange.responder.send_error(exchange, error_response)

    def _move(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Move *exchange*, whose head was read for a retired version, to the version that serves.
        """
        successor = self._state.backends.successor(exchange.head)
        if isinstance(successor, ErrorResponse):
            return successor
        if exchange.body_buffer is not None:
            exchange.body = exchange.take_body()  # it lies in the ring of the retired version
        exchange.head.backend = successor
        return None
