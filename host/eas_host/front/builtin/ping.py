"""
Whether the host lives, and whether its service is ready.
"""

from __future__ import annotations

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission import request_target
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import Builtin, text
from eas_host.front.service_state import ServiceState


class Ping(Builtin):
    """
    `ping`: 200 and `pong` for as long as the host lives; with `?ready=true` 503 while the processor takes no requests.

    EAS documents the name only; the answer is our choice. It needs no token, for probes have none.
    """

    public = True

    def __init__(self, access: Access, state: ServiceState) -> None:
        super().__init__(access)
        self._state = state

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer a probe.
        """
        if "ready" in request_target.query_of(exchange.head.url) and self._state.backends.not_ready is not None:
            return text(answers.NOT_READY, "not ready")
        return text(answers.HANDLED, "pong")
