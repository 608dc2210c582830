"""
Takes requests to the processor of the version that serves, whichever served when their heads were read.
"""

from __future__ import annotations

from eas_host.front.backend import Backend
from eas_host.front.exchange import Exchange
from eas_host.front.responses import Refusal
from eas_host.front.state import ServiceState


class Router:
    """
    Submits exchanges to the backends that *state* has.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    def submit(self, exchange: Exchange) -> Refusal | None:
        """
        Submit *exchange*, whose request took a while to arrive. Returns a refusal if that is not possible now.
        """
        if exchange.head.backend.retired:
            refusal = self._move(exchange)
            if refusal is not None:
                return refusal
        return exchange.head.backend.submit_late(exchange, self._state.age(exchange))

    def submit_waiting(self, backend: Backend) -> None:
        """
        Have the version that serves answer what still waits for *backend*, which has served and ends.
        """
        for exchange in backend.dispatcher.take_waiting():
            refusal = self.submit(exchange)
            if refusal is not None:
                exchange.responder.refuse(exchange, refusal)

    def _move(self, exchange: Exchange) -> Refusal | None:
        """
        Have *exchange*, which arrived for a version that serves no more, answered by the one that does.
        """
        heir = self._state.backends.heir(exchange.head)
        if isinstance(heir, Refusal):
            return heir
        if exchange.upload is not None:
            exchange.body = exchange.take_body()  # it lies in the ring of the old version
        exchange.head.backend = heir
        return None
