"""
Pages of other origins that may call this host (`--cors`), in the words of the Fetch standard.

A browser asks before it sends what a form could not send: an OPTIONS request, the preflight, which the host answers
itself, without a token, for browsers send none with it. Every answer to an allowed page then says that the page may
read it, refusals too, since a page that cannot read them cannot tell a full queue from a dead host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from eas_host import answers
from eas_host.dispatch.responses import ErrorResponse, Response

if TYPE_CHECKING:
    from eas_host.dispatch.exchange import Exchange, RequestHead

_ANY: Final = "*"
_METHODS: Final = "GET, HEAD, POST"
_HEADERS: Final = ("authorization", "content-type")
"""By the standard `*` would not include Authorization."""
_MAX_AGE: Final = 7200
"""Seconds for which a browser need not ask again; Chromium's most."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}")
_MAX_NAMES: Final = 64


class Preflight:
    """
    Answers a browser's preflight: a handler like those under `/api/builtin/`.
    """

    public = True
    methods = frozenset({b"OPTIONS"})
    max_body = 0
    forwards_body = False

    def __call__(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer that the page may call: `Cors.prepare` has checked its origin.
        """
        fields = exchange.head.fields
        asked = fields.get(b"access-control-request-headers", b"").decode("latin-1").lower().split(",")
        names = [name for name in map(str.strip, asked) if _NAME.fullmatch(name)]
        extra = (
            f"Access-Control-Allow-Methods: {_METHODS}\r\n"
            f"Access-Control-Allow-Headers: {', '.join(dict.fromkeys((*_HEADERS, *names[:_MAX_NAMES])))}\r\n"
            f"Access-Control-Max-Age: {_MAX_AGE}\r\n"
        )
        if fields.get(b"access-control-request-private-network") == b"true":
            extra += "Access-Control-Allow-Private-Network: true\r\n"
        return Response(answers.PREFLIGHT_PASSED.status, b"", extra=extra)


class Cors:
    """
    Knows the pages that may call.

    Args:
        origins: theirs, or `*` for any.

    Attributes:
        vary: the header line Vary of every answer, if it depends on the page that asks: caches must know.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._named = frozenset(origin.encode() for origin in origins if origin != _ANY)
        self._any = _ANY in origins
        self._preflight = Preflight()
        self.vary = "Vary: Origin\r\n" if self._named and not self._any else ""

    def allow(self, origin: bytes) -> str:
        """
        The header lines that let a page of *origin* read an answer; none if it may not.
        """
        if not self._any and origin not in self._named:
            return ""
        allowed = _ANY if self._any else origin.decode("ascii")
        return f"Access-Control-Allow-Origin: {allowed}\r\nAccess-Control-Expose-Headers: *\r\n{self.vary}"

    def trusts(self, origin: bytes) -> bool:
        """
        Tell whether *origin* itself was named: `*` lets every page call, but lets none change the host.
        """
        return origin in self._named

    def prepare(self, head: RequestHead) -> ErrorResponse | None:
        """
        Have `Preflight` answer a preflight with *head*, or say why its page may not call.
        """
        origin = head.fields[b"origin"].decode("latin-1")[:200]
        if not head.cors:
            kind = answers.PREFLIGHT_REFUSED if self._named else answers.NO_PREFLIGHT
            extra = "" if self._named else f"Allow: {_METHODS}\r\n"
            return ErrorResponse(
                kind, f"pages of {origin} may not call this host; start it with --cors {origin}", extra=extra
            )
        head.handler = self._preflight
        return None


def is_preflight(head: RequestHead) -> bool:
    """
    Tell whether a request with *head*, which has an Origin, is a preflight.
    """
    return head.method == b"OPTIONS" and b"access-control-request-method" in head.fields
