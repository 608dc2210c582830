"""
Who may use the host's own handlers where there is no token.

Only programs on this machine, the host's own page, and pages that the operator has named, may change something. And on
loopback the handlers answer to names of this machine only (`front.admission.host_names`).

A browser tells from which origin a request comes, not from which page of it. So the host's own page (`front.ui`) is
believed only where no other page can have the origin: not if the service brings pages along (--static), nor if the
processor's answers are of a type that may be one, with what a client has sent in it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse
from eas_host.front.admission.cors import Cors
from eas_host.front.admission.host_names import Hosts
from eas_host.front.admission.tokens import Auth
from eas_host.front.observe.throttled_log import ThrottledLog

_OWN_SITES: Final = frozenset({b"", b"none", b"same-origin"})
"""What Sec-Fetch-Site says where no page of another origin is behind a request; programs do not send it."""
_NO_PAGE: Final = re.compile(
    r"(application/(?!.*(xml|html))[\w.+-]+|text/(plain|csv)|image/(?!svg)[\w.+-]+|(audio|video)/[\w.+-]+)\s*(;[^,]*)?",
    re.IGNORECASE,
)
"""Types of content in which no browser runs a script; of several, with commas, a browser takes the last."""


class Access:
    """
    Decides which clients may use the handlers.

    Args:
        auth: knows whether there is a token; where there is one, whoever knows it may do everything.
        hosts: knows the names of this machine.
        cors: knows the pages that the operator has named.
        throttled_log: tells the operator of names that are refused.
        answer_types: returns the types of all answers under this host's origin but its own; None among them stands
            for any.
    """

    def __init__(
        self,
        auth: Auth,
        hosts: Hosts,
        cors: Cors,
        throttled_log: ThrottledLog,
        answer_types: Callable[[], Iterable[str | None]],
    ) -> None:
        self._auth = auth
        self._hosts = hosts
        self._cors = cors
        self._throttled_log = throttled_log
        self._answer_types = answer_types

    def refuse(self, exchange: Exchange, *, changes: bool) -> ErrorResponse | None:
        """
        Say why *exchange* is not answered; None if it is. *changes*: it asks for a change.
        """
        if self._auth.required:
            return None
        error_response = self._refuse_change(exchange) if changes else None
        return error_response or self.refuse_rebound(exchange)

    def still_allows(self, exchange: Exchange) -> bool:
        """
        Tell whether the client of *exchange*, which was let in, would be let in for a change now: the token may be
        another.
        """
        head = exchange.head
        return self._auth.authorize(head, head.method) is None and self.refuse(exchange, changes=True) is None

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
                answers.NOT_LOCAL,
                "without a token only programs on this machine may do that; start the host with --token",
            )
        fields = exchange.head.fields
        origin = fields.get(b"origin")
        if origin is not None and self._cors.trusts(origin):
            return None
        if origin is not None and _is_same_origin(origin, exchange):
            return self._refuse_own_page()
        if origin is not None or fields.get(b"sec-fetch-site", b"").strip().lower() not in _OWN_SITES:
            # Any page that a browser on this machine shows could send this. Browsers send the page's origin with a
            # POST, and Sec-Fetch-Site with any request.
            return ErrorResponse(
                answers.WEB_PAGE,
                "without a token no web page may do that; start the host with --token, or with --cors ORIGIN",
            )
        return None

    def _refuse_own_page(self) -> ErrorResponse | None:
        """
        Say why a page of this host's own origin may change nothing; None if that page can only be the host's own.
        """
        if all(kind is not None and _NO_PAGE.fullmatch(kind.strip()) for kind in self._answer_types()):
            return None
        return ErrorResponse(
            answers.WEB_PAGE,
            "without a token no web page may do that where the service has pages of its own (--static, or a content"
            " type that browsers show as a page); start the host with --token, or with --cors ORIGIN",
        )


def _is_same_origin(origin: bytes, exchange: Exchange) -> bool:
    """
    Tell whether the page of *origin* has come from where its request, *exchange*, goes.
    """
    site = exchange.head.fields.get(b"sec-fetch-site", b"same-origin").strip().lower()
    target = exchange.head.fields.get(b"host", b"").strip(b" \t")
    return site == b"same-origin" and origin in {b"http://" + target, b"https://" + target}


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
