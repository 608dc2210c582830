"""
Clients that speak something else than HTTP/1: what it is, and what to do about it.

They get 400 like everybody whose request is none, but their operators see a dead port. So the log names the protocols
that are met in the field, each once in `_EVERY` seconds: a scanner must not be able to fill it.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from eas_host import log

OPENING: Final = 16
"""Bytes at the start of a connection that tell: those of the longest mark."""
_EVERY: Final = 60.0


class Protocol(NamedTuple):
    """
    A protocol whose connections begin with *mark*. The parser stops at the latest when it has seen *seen* bytes of it.
    """

    mark: bytes
    seen: int
    name: str
    advice: str


_PROXY_ADVICE: Final = "turn the PROXY protocol off in the load balancer; X-Forwarded-For can carry the address instead"
_PROTOCOLS: Final = (
    Protocol(
        b"\x16\x03",
        1,
        "a TLS handshake (https)",
        "call this port with http://, or let a proxy in front of it speak TLS",
    ),
    Protocol(
        b"PRI * HTTP/2.0\r\n",
        3,
        "HTTP/2 without an upgrade, as gRPC and h2c proxies speak it",
        "have the client or proxy use HTTP/1.1",
    ),
    Protocol(b"PROXY ", 4, "a line of the PROXY protocol, version 1", _PROXY_ADVICE),
    Protocol(b"\r\n\r\n\0\r\nQUIT\n", 5, "a header of the PROXY protocol, version 2", _PROXY_ADVICE),
)


def recognise(opening: bytes) -> Protocol | None:
    """
    Find the protocol of a connection that has begun with *opening*, as far as it has arrived.
    """
    for protocol in _PROTOCOLS:
        length = min(len(opening), len(protocol.mark))
        if length >= protocol.seen and opening[:length] == protocol.mark[:length]:
            return protocol
    return None


class ProtocolLog:
    """
    Tells the log of such clients.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next: dict[Protocol, float] = {}
        self._unsaid: dict[Protocol, int] = {}

    def report(self, protocol: Protocol, peer: str) -> None:
        """
        The client at *peer* speaks *protocol*.
        """
        now = self._loop.time()
        if now < self._next.get(protocol, now):
            self._unsaid[protocol] = self._unsaid.get(protocol, 0) + 1
            return
        self._next[protocol] = now + _EVERY
        unsaid = self._unsaid.pop(protocol, 0)
        more = f" ({unsaid} more since the last such line)" if unsaid else ""
        log.warning("400: %s sent %s: %s%s", peer, protocol.name, protocol.advice, more)
