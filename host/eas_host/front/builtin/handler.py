"""
What a builtin handler is, and what most of them share.

A handler gets a complete request and answers it in place of the processor, on the front's thread: it must be quick.
Who may ask is decided in two steps: a handler that is not `open` is reached with the token only, if there is one; and
what changes something is, where no token tells friend from foe, left to programs on this machine.
"""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from eas_host.front.exchange import Answer

if TYPE_CHECKING:
    from eas_host.front.context import FrontContext
    from eas_host.front.exchange import Exchange

JSON: Final = "application/json"
READING: Final = frozenset({b"GET", b"HEAD"})
WRITING: Final = frozenset({b"POST"})

SMALL_BODY: Final = 256 * 1024
"""Bytes that a handler reads which does not hand them on: a thousand metrics, parsed in a few milliseconds."""

_OWN_SITES: Final = frozenset({b"", b"none", b"same-origin"})
"""What Sec-Fetch-Site says where no page of another origin is behind a request; programs do not send it."""

_LONG_NUMBER: Final = 18
"""Digits up to which a number is read as a whole one; Python takes quadratic time for very long ones."""


class Handler(Protocol):
    """
    Answers requests in place of the processor.

    Attributes:
        open: whether it may be asked without the token.
        methods: those that it knows; others answer 405.
        max_body: bytes of the largest body; a larger one answers 413.
        hands_on: whether the body is for the processor, and so packed as `rpc.decompressor` says.
    """

    open: bool
    methods: frozenset[bytes]
    max_body: int
    hands_on: bool

    def __call__(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Answer *exchange*, whose whole body is *body*; None: the answer comes later, through its connection.
        """


class Builtin:
    """
    Superclass of the handlers under `/api/builtin/`.

    Attributes:
        changes: the methods that change something, or cost more than the answer.
    """

    open = False
    methods = READING | WRITING
    max_body = SMALL_BODY
    hands_on = False
    changes: frozenset[bytes] = frozenset()

    def __init__(self, front: FrontContext) -> None:
        self.front = front

    def __call__(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Answer *exchange*, if its client may ask for that.
        """
        if not self.front.auth.required:
            refused = self._refuse_stranger(exchange) if exchange.head.method in self.changes else None
            refused = refused or refuse_rebound(self.front, exchange)
            if refused is not None:
                return refused
        return self.answer(exchange, body)

    def answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Answer *exchange*, as `Handler.__call__`.
        """
        raise NotImplementedError

    def _refuse_stranger(self, exchange: Exchange) -> Answer | None:
        """
        Say why the client of *exchange*, which sent no token, may change nothing; None if it may.
        """
        peer = exchange.connection.transport.get_extra_info("peername")
        if not peer or not is_local(peer[0]):
            return text(403, "without a token only programs on this machine may do that; start the host with --token")
        fields = exchange.head.fields
        origin = fields.get(b"origin")
        if origin is not None and self.front.cors.trusts(origin):
            return None
        if origin is not None or fields.get(b"sec-fetch-site", b"").strip().lower() not in _OWN_SITES:
            # Any page that a browser on this machine shows could send this. Browsers name the page's origin with a
            # POST, and with any request how far that is from here.
            return text(
                403, "without a token no web page may do that; start the host with --token, or with --cors ORIGIN"
            )
        return None


def refuse_rebound(front: FrontContext, exchange: Exchange) -> Answer | None:
    """
    Say why *exchange*, which has come in on loopback without a token, is not answered: a page in a browser could have
    sent it (`front.hosts`). None if it is answered.
    """
    address = exchange.connection.transport.get_extra_info("sockname")
    refusal = front.hosts.refuse_foreign(exchange.head) if address and is_local(address[0]) else None
    if refusal is None:
        return None
    # Perhaps it is no page, but a proxy whose operator sees nothing but a check that fails.
    front.throttled_log.warn("host name", f"{refusal.status}: {exchange.connection.peer}: {refusal.text}")
    return text(refusal.status, refusal.text)


def text(status: int, line: str) -> Answer:
    """
    Answer with one line of text, or several.
    """
    return Answer(status, f"{line}\n".encode("utf-8", "backslashreplace"))


def as_json(value: Any) -> Answer:  # noqa: ANN401  whatever JSON can hold
    """
    Answer with *value* as JSON, indented for people.
    """
    return Answer(200, json.dumps(value, indent=2).encode() + b"\n", JSON)


def read_json(body: bytes) -> Any:  # noqa: ANN401  the same
    """
    Read *body*, which comes from anybody.

    Raises:
        ValueError: it is not JSON; the text says why.
    """
    try:
        return json.loads(body, parse_constant=_no_number, parse_int=_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError("the body is not JSON: it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error


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


def _no_number(word: str) -> float:
    raise ValueError(f"the body is not JSON: {word} is no number")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONG_NUMBER else float(digits)
