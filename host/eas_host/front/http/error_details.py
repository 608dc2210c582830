"""
Who may see the details of an error: the processor's own frames, with the names of its files.

They are for the author, who sends requests from the same machine. To others they would say how the service is made, so
they get the sentence alone, unless `--verbose-errors` says otherwise. A proxy on this machine connects from here, too;
it is recognised by the header fields that it adds. Where no connection waits for the answer, the log has them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from eas_host import answers
from eas_host.config import HostConfig
from eas_host.dispatch.exchange import FORWARDED, NO_PEER, Exchange, RequestHead
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.observe.recent_failures import RecentFailures
from eas_host.front.service_state import ServiceState
from eas_host.symbols import trace
from eas_host.symbols.locator import locator_of


def may_see_details(config: HostConfig, peer: str, head: RequestHead) -> bool:
    """
    Tell whether the client at the address *peer*, which has sent *head*, may see them.
    """
    if config.verbose_errors:
        return peer != NO_PEER
    local = peer.startswith(("127.", "::ffff:127.")) or peer == "::1"
    return local and FORWARDED.isdisjoint(head.fields)


class FailureAnswers:
    """
    The answers to requests that the processor has failed: it has raised an exception, or has returned what is no
    output. *state* has the options; *failures* remember them, with what *describe_request* says of a request.
    """

    def __init__(
        self, state: ServiceState, failures: RecentFailures, describe_request: Callable[[RequestHead], str]
    ) -> None:
        self._state = state
        self._failures = failures
        self._describe_request = describe_request

    def send(self, exchange: Exchange, message: bytes, frames: bytes | None) -> None:
        """
        Answer *exchange* with the *message*, and with the *frames* if its client may see them: now, or as soon as
        their lines are known. Without *frames*, not even empty ones, nothing was raised: the output is wrong.
        """
        responder = exchange.responder
        request = self._describe_request(exchange.head)
        if frames is None:
            text = message.decode("utf-8", "replace") or "what the processor returned is not an output"
            self._failures.add(text, request)
            responder.send_error(exchange, ErrorResponse(answers.BAD_OUTPUT, text))
            return
        self._failures.add(message.decode("utf-8", "replace"), request, frames.decode("utf-8", "replace"))
        if exchange.in_parts:
            responder.send_error(exchange, ErrorResponse(answers.EXCEPTION, message.decode("utf-8", "replace")))
            return
        if not frames or not may_see_details(self._state.config, responder.peer, exchange.head):
            responder.send_response(exchange, answers.EXCEPTION.status, message)
            return
        text = frames.decode("utf-8", "replace")
        locator = locator_of(self._state.loop)
        known = trace.locate_known(text, locator)
        if known is not None:
            _send(exchange, message, known)
        else:
            locator.run(trace.locate(text, locator), partial(_send, exchange, message))


def _send(exchange: Exchange, message: bytes, frames: str) -> None:
    if exchange.responder.is_active(exchange):  # else it has timed out, or its client has left
        body = message + f"{frames}\n".encode("utf-8", "replace")
        exchange.responder.send_response(exchange, answers.EXCEPTION.status, body)
