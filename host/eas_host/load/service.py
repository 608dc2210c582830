"""
The service that is loaded: where it is, and the bytes of the requests that it gets.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from eas_host.errors import ConfigError

_PORTS: Final = {"http": 80, "https": 443}


class ServiceUrl(NamedTuple):
    """
    A URL of a service, in the parts that a client needs.

    Attributes:
        url: all of it, as its user wrote it.
        host: the name or the address to connect to.
        port: the port.
        authority: the value of the header `Host`.
        target: path and query.
        tls: how to speak TLS; None: the service speaks plain HTTP.
    """

    url: str
    host: str
    port: int
    authority: str
    target: str
    tls: ssl.SSLContext | None


def parse_url(url: str) -> ServiceUrl:
    """
    Take *url* apart.

    Raises:
        ConfigError: it is none of a service.
    """
    expected = f"{url}: is no URL of a service; expected http://HOST:PORT/PATH"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(expected) from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if not (plain and parts.hostname and parts.scheme in _PORTS and parts.username is None):
        raise ConfigError(expected)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    return ServiceUrl(url, parts.hostname, port or _PORTS[parts.scheme], parts.netloc, target, tls)


class Requests:
    """
    The requests for a service, one for each of *bodies*, in turn.
    """

    def __init__(self, service: ServiceUrl, bodies: Sequence[bytes], token: str | None) -> None:
        head = f"POST {service.target} HTTP/1.1\r\nHost: {service.authority}\r\nUser-Agent: eas-host-load\r\n"
        if token is not None:
            head += f"Authorization: {token}\r\n"
        head += "Content-Type: application/octet-stream\r\n"
        start = head.encode("latin-1")
        self._turn = itertools.cycle([b"%bContent-Length: %d\r\n\r\n%b" % (start, len(body), body) for body in bodies])

    def next(self) -> bytes:
        """
        Return all bytes of the next request.
        """
        return next(self._turn)
