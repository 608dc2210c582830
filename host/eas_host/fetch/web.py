"""
One HTTP request and its answer.

`urllib` speaks here, and not the HTTP file system of fsspec: that one hides the status, the validators and the
redirects, and takes what a cut connection left for the whole file. `urllib` also knows the proxies of the environment.
Redirects are followed here, because each hop decides what it may be told: credentials go to the host that they were
given for and to no other, and nothing that began with https goes on without.
"""

from __future__ import annotations

import base64
import functools
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from eas_host import __version__
from eas_host.fetch.effort import Failed, Patience, Stop, Transient, Unreachable

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"  # what a URL may hold as it is; % because most of it is quoted already

NETWORK: Final = (OSError, http.client.HTTPException)
"""What goes wrong on the way: connections, TLS, time-outs, answers that are no HTTP."""


class Overlong(Transient):
    """
    More came than was announced, so that nothing of it can be trusted.
    """


class Answer:
    """
    An answer whose body has not been read yet.
    """

    def __init__(self, response: http.client.HTTPResponse, connection: socket.socket, patience: Patience) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.length = response.length
        self.counted = response.chunked or response.length is not None
        self._response = response
        self._connection = connection
        self._linger = patience.linger

    def pieces(self, size: int) -> Iterator[bytes]:
        """
        Yield the body as it comes, *size* bytes at most at a time, to its very end.

        Raises:
            Overlong: it is longer than was announced.
            Transient: it is shorter, or the connection broke.
        """
        announced = self._response.headers.get("Content-Length")
        if announced is not None and not self.counted:
            raise Transient(f"a Content-Length of {announced!r}")
        self._response.length = None  # or it would stop where the answer should, whatever follows
        left = self.length
        while data := self._next(size, left):
            if left is not None:
                left -= len(data)
                if left < 0:
                    raise Overlong(f"more bytes came than the {self.length:,} that were announced")
            yield data
        if left:
            raise Transient(f"the connection broke {left:,} bytes before the end")

    def _next(self, size: int, left: int | None) -> bytes:
        if left == 0:
            self._connection.settimeout(self._linger)
        try:
            return self._response.read1(size)
        except TimeoutError as error:
            if left == 0:
                return b""  # it keeps the connection, although it was asked not to
            raise Transient("the server fell silent") from error
        except (*NETWORK, ValueError) as error:  # ValueError: a chunk's length that is no number
            raise Transient(f"the connection broke: {error}") from error


@contextmanager
def ask(url: str, headers: Mapping[str, str], patience: Patience, stop: Stop) -> Iterator[Answer]:
    """
    Send a GET for *url*, follow its redirects and lend the answer.

    Raises:
        Failed: the URL, the certificate or the redirects are wrong.
        Transient: there was no answer.
    """
    connections: list[socket.socket] = []
    try:
        response = _follow(_parse(url), headers, patience, connections, stop)
        with response:
            yield Answer(response, connections[-1], patience)
    finally:
        for connection in connections:
            stop.forget(connection)


def _follow(
    url: SplitResult, headers: Mapping[str, str], patience: Patience, connections: list[socket.socket], stop: Stop
) -> http.client.HTTPResponse:
    authorization = _authorization(url)
    for _ in range(patience.redirects + 1):
        response = _send(url, {**headers, **authorization}, patience, connections, stop)
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or location is None:
            return response
        response.close()
        following = _parse(urljoin(url.geturl(), location))
        refuse_downgrade(url, following)
        if following.username is not None or origin(following) != origin(url):
            authorization = _authorization(following)
        url = following
    raise Failed(f"more than {patience.redirects} redirects")


def refuse_downgrade(url: SplitResult, following: SplitResult) -> None:
    """
    Refuse a redirect from *url* to *following* that gives up TLS: what comes is code that will run.
    """
    if url.scheme == "https" and following.scheme != "https":
        raise Failed(
            f"is redirected from https to {following.scheme}://{following.hostname}; use that URL if it is meant"
        )


def origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    """
    Whom credentials were given for.
    """
    return url.scheme, url.hostname, url.port


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise Failed(f"is no URL: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise Failed(f"is redirected to {parts.scheme}://, which is not followed")
    if not parts.hostname:
        raise Failed("is no URL: it has no host")
    return parts


def _authorization(url: SplitResult) -> dict[str, str]:
    if url.username is None:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _send(
    url: SplitResult, headers: Mapping[str, str], patience: Patience, connections: list[socket.socket], stop: Stop
) -> http.client.HTTPResponse:
    plain = url._replace(netloc=url.netloc.rpartition("@")[2], fragment="").geturl()
    try:
        request = urllib.request.Request(quote(plain, safe=_SAFE), headers=dict(headers))  # noqa: S310  see _parse
        return _opener(patience, connections, stop).open(request, timeout=patience.connect)  # type: ignore[no-any-return]
    except urllib.error.URLError as error:
        raise _translate(error.reason) from error
    except NETWORK as error:
        raise _translate(error) from error


def _translate(error: object) -> Failed | Transient:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failed(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, http.client.InvalidURL):
        return Failed(f"is no URL: {error}")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return Unreachable("there is no such host")
    if isinstance(error, TimeoutError):
        return Transient("no answer in time", reached=False)
    if isinstance(error, OSError):
        return Transient(error.strerror or str(error), reached=False)
    return Transient(f"the answer is no HTTP: {type(error).__name__}: {error}")


def _opener(patience: Patience, connections: list[socket.socket], stop: Stop) -> urllib.request.OpenerDirector:
    """
    Make an opener that only sends: no redirects, no errors for statuses, no cookies.
    """

    def connected(connection: http.client.HTTPConnection) -> None:
        connection.sock.settimeout(patience.silence)
        connections.append(connection.sock)
        stop.watch(connection.sock)

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            connected(self)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            connected(self)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            made: Any = functools.partial(Secure, context=ssl.create_default_context())
            return self.do_open(made, req)

    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), PlainHandler(), SecureHandler()):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", f"eas-host/{__version__}"), ("Accept-Encoding", "identity")]
    return opener
