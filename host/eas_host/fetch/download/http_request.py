"""
One HTTP request and its response.

This module uses `urllib` and not the HTTP file system of fsspec, which hides the status, the validators and the
redirects, and takes a file that was cut short for a whole one. `urllib` also uses the proxies of the environment.

Redirects are followed here and not by `urllib`, because each new URL must be checked: credentials are sent only to the
host that they were given for, and a redirect may not lead from https to http.
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
from eas_host.fetch.download.cancel_token import CancelToken
from eas_host.fetch.download_errors import DownloadError, ServerUnreachable, TransientError
from eas_host.fetch.policy import FetchPolicy

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"  # characters that a URL may hold; % because most URLs are quoted already

NETWORK_ERRORS: Final = (OSError, http.client.HTTPException)
"""What connections, TLS, time-outs and responses that are no HTTP raise."""


class BodyTooLong(TransientError):
    """
    The body is longer than was announced, so none of it can be trusted.
    """


class HttpResponse:
    """
    A response whose body has not been read yet.
    """

    def __init__(self, response: http.client.HTTPResponse, connection: socket.socket, policy: FetchPolicy) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.length = response.length
        self.length_known = response.chunked or response.length is not None
        self._response = response
        self._connection = connection
        self._close_timeout = policy.close_timeout

    def chunks(self, size: int) -> Iterator[bytes]:
        """
        Yield the whole body as it arrives, at most *size* bytes at a time.

        Raises:
            BodyTooLong: the body is longer than was announced.
            TransientError: it is shorter, or the connection broke.
        """
        announced = self._response.headers.get("Content-Length")
        if announced is not None and not self.length_known:
            raise TransientError(f"its Content-Length is {announced!r}, which is not a number of bytes")
        self._response.length = None  # otherwise it would hide the bytes after the announced length
        left = self.length
        while data := self._next(size, left):
            if left is not None:
                left -= len(data)
                if left < 0:
                    raise BodyTooLong(f"more bytes came than the {self.length:,} that were announced")
            yield data
        if left:
            raise TransientError(f"the connection broke {left:,} bytes before the end")

    def _next(self, size: int, left: int | None) -> bytes:
        if left == 0:
            self._connection.settimeout(self._close_timeout)
        try:
            return self._response.read1(size)
        except TimeoutError as error:
            if left == 0:
                return b""  # the server keeps the connection open, although it was asked not to
            raise TransientError("the server stopped sending") from error
        except (*NETWORK_ERRORS, ValueError) as error:  # ValueError: the length of a chunk is no number
            raise TransientError(f"the connection broke: {error}") from error


@contextmanager
def http_get(url: str, headers: Mapping[str, str], policy: FetchPolicy, cancel: CancelToken) -> Iterator[HttpResponse]:
    """
    Send a GET request for *url*, follow its redirects and lend the response.

    Raises:
        DownloadError: the URL, the certificate or a redirect is wrong.
        TransientError: there was no response.
    """
    connections: list[socket.socket] = []
    try:
        response = _follow_redirects(_parse(url), headers, policy, connections, cancel)
        with response:
            yield HttpResponse(response, connections[-1], policy)
    finally:
        for connection in connections:
            cancel.unregister(connection)


def _follow_redirects(
    url: SplitResult,
    headers: Mapping[str, str],
    policy: FetchPolicy,
    connections: list[socket.socket],
    cancel: CancelToken,
) -> http.client.HTTPResponse:
    authorization = _authorization(url)
    for _ in range(policy.max_redirects + 1):
        response = _send(url, {**headers, **authorization}, policy, connections, cancel)
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or location is None:
            return response
        response.close()
        following = _parse(urljoin(url.geturl(), location))
        check_redirect(url, following)
        if following.username is not None or origin(following) != origin(url):
            authorization = _authorization(following)
        url = following
    raise DownloadError(f"more than {policy.max_redirects} redirects")


def check_redirect(url: SplitResult, following: SplitResult) -> None:
    """
    Reject a redirect from *url* to *following* that leads from https to http, because the file will run as code.
    """
    if url.scheme == "https" and following.scheme != "https":
        raise DownloadError(
            f"is redirected from https to {following.scheme}://{following.hostname}; use that URL if it is meant"
        )


def origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    """
    Tell for which server the credentials in *url* are.
    """
    return url.scheme, url.hostname, url.port


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise DownloadError(f"is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise DownloadError(f"is redirected to {parts.scheme}://, which is not followed")
    if not parts.hostname:
        raise DownloadError("is not a URL: it has no host")
    return parts


def _authorization(url: SplitResult) -> dict[str, str]:
    if url.username is None:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _send(
    url: SplitResult,
    headers: Mapping[str, str],
    policy: FetchPolicy,
    connections: list[socket.socket],
    cancel: CancelToken,
) -> http.client.HTTPResponse:
    plain = url._replace(netloc=url.netloc.rpartition("@")[2], fragment="").geturl()
    try:
        request = urllib.request.Request(quote(plain, safe=_SAFE), headers=dict(headers))  # noqa: S310  see _parse
        return _opener(policy, connections, cancel).open(request, timeout=policy.connect_timeout)  # type: ignore[no-any-return]
    except urllib.error.URLError as error:
        raise _translate(error.reason) from error
    except NETWORK_ERRORS as error:
        raise _translate(error) from error


def _translate(error: object) -> DownloadError | TransientError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DownloadError(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, http.client.InvalidURL):
        return DownloadError(f"is not a URL: {error}")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return ServerUnreachable("there is no such host")
    if isinstance(error, TimeoutError):
        return TransientError("no answer in time", reached=False)
    if isinstance(error, OSError):
        return TransientError(error.strerror or str(error), reached=False)
    return TransientError(f"the answer is not HTTP: {type(error).__name__}: {error}")


def _opener(
    policy: FetchPolicy, connections: list[socket.socket], cancel: CancelToken
) -> urllib.request.OpenerDirector:
    """
    Make an opener that only sends: it follows no redirects, raises no errors for statuses and keeps no cookies.
    """

    def prepare(connection: http.client.HTTPConnection) -> None:
        connection.sock.settimeout(policy.read_timeout)
        connections.append(connection.sock)
        cancel.register(connection.sock)

    class CancellableHttp(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            prepare(self)

    class CancellableHttps(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            prepare(self)

    class HttpHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(CancellableHttp, req)

    class HttpsHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            connection: Any = functools.partial(CancellableHttps, context=ssl.create_default_context())
            return self.do_open(connection, req)

    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), HttpHandler(), HttpsHandler()):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", f"eas-host/{__version__}"), ("Accept-Encoding", "identity")]
    return opener
