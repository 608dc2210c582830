"""
The last failures, for the page.
"""

from __future__ import annotations

import json
from functools import partial

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import JSON, READING, Builtin
from eas_host.front.http.error_details import may_see_details
from eas_host.front.observe.recent_failures import Failure, RecentFailures
from eas_host.front.service_state import ServiceState
from eas_host.symbols import trace
from eas_host.symbols.locator import Locator, locator_of


class FailureList(Builtin):
    """
    Answers with *failures*, the newest first. The processor's frames are for those who may see them in the answers of
    failed requests, too; a client of the service may know its token without being its author.
    """

    methods = READING
    changes = READING  # as secret as what may be changed
    max_body = 0

    def __init__(self, access: Access, state: ServiceState, failures: RecentFailures) -> None:
        super().__init__(access)
        self._state = state
        self._failures = failures

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer as soon as the frames have their files and lines.
        """
        failures = self._failures.newest_first()
        if not may_see_details(self._state.config, exchange.responder.peer, exchange.head):
            return _as_json([failure._replace(frames="") for failure in failures])
        locator = locator_of(self._state.loop)
        locator.run(_located(failures, locator), partial(_send, exchange))
        return None


async def _located(failures: list[Failure], locator: Locator) -> list[Failure]:
    return [failure._replace(frames=await trace.locate(failure.frames, locator)) for failure in failures]


def _send(exchange: Exchange, failures: list[Failure]) -> None:
    if exchange.responder.is_active(exchange):  # else it has timed out, or its client has left
        exchange.responder.send_host_response(exchange, _as_json(failures))


def _as_json(failures: list[Failure]) -> Response:
    body = json.dumps([failure._asdict() for failure in failures]).encode()
    return Response(200, body, JSON, "Cache-Control: no-store\r\n")
