"""
The vendor's Python client, kept from disturbing the tests.

Importing it warns. Each client adds a handler to a logger, which writes to the standard output of that moment, and
starts a thread that looks every 3 s whether it should end; closing its connections is left to the garbage collector.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support import TIMEOUT
from support.host import Host

if TYPE_CHECKING:
    from typing_extensions import Self

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # protobuf 3.20 warns of itself
    from eas_prediction import ENDPOINT_TYPE_DIRECT as DIRECT
    from eas_prediction import PredictClient, PredictException, StringRequest

__all__ = ["DIRECT", "PredictException", "Vendor", "ask", "refusal"]


class ManagedClient(NamedTuple):
    """A client, which has no types, and the thread that keeps its endpoint up to date."""

    client: Any
    thread: threading.Thread


class Vendor:
    """
    Makes clients. Their threads are waited for at the end, all together.
    """

    def __init__(self) -> None:
        self._made: list[ManagedClient] = []

    def __enter__(self) -> Self:
        return self

    def connect(self, host: Host, token: str = "", *, url: str = "", kind: str = "") -> Any:  # noqa: ANN401
        """A client of *host*, or of the path *url* there; the test may change it further."""
        address = f"http://{host.address[0]}:{host.address[1]}"
        client = PredictClient("" if url else address, host.path.rpartition("/")[2], url and address + url)
        client.set_token(token)
        client.set_endpoint_type(kind)
        client.set_timeout(TIMEOUT * 1000)
        before = set(threading.enumerate())
        client.init()
        [thread] = set(threading.enumerate()) - before
        self._made.append(ManagedClient(client, thread))
        return client

    def silence(self) -> None:
        """Tells all clients to end. What their threads still do, they do without a word."""
        for client, _ in self._made:
            client.destroy()
            client.logger.handlers.clear()
            client.set_log_level(logging.CRITICAL + 1)

    def __exit__(self, *_: object) -> None:
        self.silence()
        for client, thread in self._made:
            thread.join(TIMEOUT)
            for pool in (client.connection_pool, getattr(client.endpoint, "http", None)):
                if pool is not None:
                    pool.clear()


def ask(client: Any, body: bytes | str | None) -> Any:  # noqa: ANN401
    """What the service answers to *body*."""
    return client.predict(StringRequest(body)).response_data


def refusal(client: Any, body: bytes) -> Any:  # noqa: ANN401
    """The error that *body* ends with: a PredictException."""
    with pytest.raises(PredictException) as caught:
        ask(client, body)
    return caught.value
