"""
Clients that speak something else than HTTP/1: what it is, and what to do about it.

They get 400, as do all that send no HTTP, but their operators see only a dead port. So the log names the protocols that
are met in the field.
"""

from __future__ import annotations

from typing import Final, NamedTuple

OPENING: Final = 16
"""Bytes at the start of a connection by which its protocol is recognised: those of the longest mark."""


class Protocol(NamedTuple):
    """
    A protocol whose connections begin with *mark*. The HTTP parser stops after *seen* bytes of that at the latest.
    """

    mark: bytes
    seen: int
    name: str
    advice: str


_PROXY_ADVICE: Final = "turn it off where the load balancer is told to send it (proxy_protocol, send-proxy)"
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
    Find the protocol of a connection that has begun with *opening*, as far as it has arrived; None if it is none of
    these.
    """
    for protocol in _PROTOCOLS:
        length = min(len(opening), len(protocol.mark))
        if length >= protocol.seen and opening[:length] == protocol.mark[:length]:
            return protocol
    return None
