"""
`Channel`: a small client for other services, with connections that are kept and used again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

_OK: Final = 200
_THREADS: Final = 4
_SECONDS: Final = 60.0


class Channel:
    """
    Sends requests to the service at *uri*: `HOST:PORT`, with or without `http://` and a path.

    Attributes:
        token: sent as Authorization, if set.
        timeout: seconds that a request may take.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri if "://" in uri else f"http://{uri}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{uri!r} is no address of a service; expected HOST:PORT or http://HOST:PORT/PATH")
        self.token: str | None = None
        self.timeout = _SECONDS
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def request(self, data: bytes) -> bytes:
        """
        Send *data* and return the answer's body.

        Raises:
            Exception: the answer's status is not 200; its argument is the body.
            OSError: the service cannot be reached.
        """
        connection = self._take()
        try:
            try:
                status, body = self._ask(connection, data)
            except (ConnectionResetError, BrokenPipeError, HTTPException):
                # A connection that was kept may have been closed meanwhile; a new one tells the truth.
                connection.close()
                connection = self._new()
                status, body = self._ask(connection, data)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if status != _OK:
            raise Exception(body)  # noqa: TRY002  as in EAS
        return body

    def async_request(
        self,
        data: bytes,
        onsuccess: Callable[..., object],
        onfailure: Callable[..., object],
        *args: Any,  # noqa: ANN401  whatever the callbacks want
        **kwargs: Any,  # noqa: ANN401  the same
    ) -> None:
        """
        Send *data* from another thread, which calls *onsuccess* with the body or *onfailure* with the exception, and
        the other arguments behind it.
        """

        def ask() -> None:
            try:
                body = self.request(data)
            except Exception as error:  # noqa: BLE001  that is what it is for
                onfailure(error, *args, **kwargs)
            else:
                onsuccess(body, *args, **kwargs)

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, "allspark-channel")
        self._threads.submit(ask)

    def close(self) -> None:
        """
        Wait for what was sent by other threads, and close the connections that are kept.
        """
        if self._threads is not None:
            self._threads.shutdown()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, connection: HTTPConnection, data: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": self.token} if self.token else {}
        connection.request("POST", self._path, data, headers)
        response = connection.getresponse()
        return response.status, response.read()

    def _take(self) -> HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._new()

    def _new(self) -> HTTPConnection:
        make = HTTPSConnection if self._secure else HTTPConnection
        return make(self._host, self._port, timeout=self.timeout)
