"""
`Channel`: a small client for other services, with connections that are kept and used again.
"""

import threading
from typing import TYPE_CHECKING, Any, Callable

# The modules for HTTP are imported when a channel is made: they import `email`, `calendar` and others, in whose place
# Python would import files of these names beside a user's program.
if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from http.client import HTTPConnection

_OK = 200
_THREADS = 4
_SECONDS = 60.0


class Channel:
    """
    Sends requests to the service at *uri*: `HOST:PORT`, with or without `http://` and a path.

    Attributes:
        token: sent as Authorization, if set.
        timeout: seconds that a request may take.
    """

    def __init__(self, uri: str) -> None:
        from urllib.parse import urlsplit  # noqa: PLC0415  late: see above

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
        connection, kept = self._take()
        try:
            try:
                status, body = self._ask(connection, data)
            except (ConnectionResetError, BrokenPipeError):
                if not kept:
                    raise
                # The service closed it while it was idle, before any response: try once more with a new one.
                connection.close()
                connection = self._new()
                status, body = self._ask(connection, data)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        if status != _OK:
            raise Exception(body)  # noqa: TRY002  as in EAS (docs/eas-compatibility.md, section 3.6)
        return body

    def async_request(
        self,
        data: bytes,
        onsuccess: "Callable[..., object]",
        onfailure: "Callable[..., object]",
        *args: Any,  # noqa: ANN401  whatever the callbacks want
        **kwargs: Any,  # noqa: ANN401  the same
    ) -> None:
        """
        Send *data* from another thread, which calls *onsuccess* with the body or *onfailure* with the exception. The
        other arguments follow.
        """

        def ask() -> None:
            try:
                body = self.request(data)
            except Exception as error:  # noqa: BLE001  the callback gets any error
                onfailure(error, *args, **kwargs)
            else:
                onsuccess(body, *args, **kwargs)

        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  late: see above

        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, "allspark-channel")
        self._threads.submit(ask)

    def close(self) -> None:
        """
        Wait for the requests of `async_request`, and close the connections that are kept.
        """
        if self._threads is not None:
            self._threads.shutdown()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, connection: "HTTPConnection", data: bytes) -> "tuple[int, bytes]":
        headers = {"Authorization": self.token} if self.token else {}
        connection.request("POST", self._path, data, headers)
        response = connection.getresponse()
        try:
            return response.status, response.read()
        except ConnectionResetError as error:
            raise OSError(f"the connection was reset in the middle of the answer: {error}") from error

    def _take(self) -> "tuple[HTTPConnection, bool]":
        """
        Return a connection, and whether it is one that was kept open.
        """
        with self._lock:
            if self._idle:
                connection = self._idle.pop()
                return connection, connection.sock is not None  # None: the service wanted it to be closed
        return self._new(), False

    def _new(self) -> "HTTPConnection":
        from http import client  # noqa: PLC0415  late: see above

        make = client.HTTPSConnection if self._secure else client.HTTPConnection
        return make(self._host, self._port, timeout=self.timeout)
