"""
Who may use the host's own handlers where there is no token.

Only programs on this machine, and pages that the operator has named, may change something. And on loopback the handlers
answer to names of this machine only (`front.admission.host_names`).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.cors import Cors
from eas_host.front.admission.host_names import Hosts
from eas_host.front.admission.tokens import Auth
from eas_host.front.observe.throttled_log import ThrottledLog

_OWN_SITES: Final = frozenset({b"", b"none", b"same-origin"})
"""What Sec-Fetch-Site says where no page of another origin is behind a request; programs do not send it."""


class Access:
    """
    Decides which clients may use the handlers.

    Args:
        auth: knows whether there is a token; where there is one, whoever knows it may do everything.
        hosts: knows the names of this machine.
        cors: knows the pages that the operator has named.
        throttled_log: tells the operator of names that are refused.
    """

    def __init__(self, auth: Auth, hosts: Hosts, cors: Cors, throttled_log: ThrottledLog) -> None:
        self._auth = auth
        self._hosts = hosts
        self._cors = cors
        self._throttled_log = throttled_log

    def refuse(self, exchange: Exchange, *, changes: bool) -> ErrorResponse | None:
        """
        Say why *exchange* is not answered; None if it is. *changes*: it asks for a change.
        """
        if self._auth.required:
            return None
        error_response = self._refuse_change(exchange) if changes else None
        return error_response or self.refuse_rebound(exchange)

    def refuse_rebound(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Say why *exchange*, which has come in on loopback without a token, is not answered: a page in a browser could
        have sent it. None if it is answered.
        """
        if self._auth.required:
            return None
        address = exchange.responder.socket_address("sockname")
        error_response = self._hosts.refuse_foreign(exchange.head) if address and is_local(address[0]) else None
        if error_response is not None:
            # Perhaps it is no page, but a proxy, whose operator sees only a health check that fails.
            text = f"{error_response.status}: {exchange.responder.peer}: {error_response.text}"
            self._throttled_log.warn("host name", text)
        return error_response

    def _refuse_change(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Say why the client of *exchange*, which sent no token, may change nothing; None if it may.
        """
        peer = exchange.responder.socket_address("peername")
        if not peer or not is_local(peer[0]):
            return ErrorResponse(
                403, "without a token only programs on this machine may do that; start the host with --token"
            )
        fields = exchange.head.fields
        origin = fields.get(b"origin")
        if origin is not None and self._cors.trusts(origin):
            return None
        if origin is not None or fields.get(b"sec-fetch-site", b"").strip().lower() not in _OWN_SITES:
            # Any page that a browser on this machine shows could send this. Browsers send the page's origin with a
            # POST, and Sec-Fetch-Site with any request.
            return ErrorResponse(
                403, "without a token no web page may do that; start the host with --token, or with --cors ORIGIN"
            )
        return None


def is_local(host: str) -> bool:
    """
    Tell whether *host*, the address of a peer, is of this machine: 127.0.0.0/8, ::1 or the first mapped into IPv6.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Not all versions of Python look into a mapped address themselves.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
