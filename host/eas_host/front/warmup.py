"""
The requests that a processor answers before its service is up (`warm_up_data_path`).

EAS's rules (docs/eas-compatibility.md, section 7.6): a text file holds one request a line, any other file is one
request; each is sent five times in a row, the next one when that has succeeded, and the service is up when all have. A
call gets twice `rpc.keepalive`, for the first ones are slow. Where EAS is silent: what is answered with another status
than 200 keeps the service from coming up, as a state other than 0 does, and the log says with what it was answered.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from eas_host import log
from eas_host.errors import EntryNotFound, InitializeFailed
from eas_host.front.exchange import Exchange, Head, Refusal
from eas_host.reply import OK

if TYPE_CHECKING:
    from eas_host.front.backend import Backend
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext

TIMES: Final = 5
_SHOWN: Final = 200
"""Bytes of an answer that the log shows."""


class _Outcome(NamedTuple):
    """
    What a request was answered with.
    """

    status: int
    text: str


class _Asker:
    """
    Stands in for the connection of such a request: it has what the dispatcher calls.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.outcome: asyncio.Future[_Outcome] = loop.create_future()

    def answer(self, exchange: Exchange, status: int, body: bytes) -> None:
        """
        The processor has answered.
        """
        self._settle(_Outcome(status, body[:_SHOWN].decode("utf-8", "backslashreplace")))

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """
        The host has answered, since the processor could not.
        """
        self._settle(_Outcome(refusal.status, refusal.text))

    def reset(self) -> None:
        """
        The request is over.
        """
        self._settle(_Outcome(500, "internal error"))

    def _settle(self, outcome: _Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


async def warm_up(front: FrontContext, backend: Backend, path: Path, keepalive: float) -> None:
    """
    Have *backend* answer the requests in *path*, each `TIMES` times in a row, within twice *keepalive* seconds a time.

    Raises:
        EntryNotFound: the file cannot be read.
        InitializeFailed: one of them was not answered with 200.
    """
    requests = read_requests(path)
    log.info("%swarming up with %d requests of %s", backend.where, len(requests), path)
    for number, body in enumerate(requests, 1):
        for _ in range(TIMES):
            status, text = await _ask(front, backend, body, 2 * keepalive)
            if status != OK:
                what = f"request {number} of {len(requests)} in {path}"
                raise InitializeFailed(f"{backend.where}warm-up: {what} was answered {status}: {text.strip()}")


def read_requests(path: Path) -> list[bytes]:
    """
    Read the requests in *path*: of a `.txt` its lines, without empty ones; the whole of any other file.

    Raises:
        EntryNotFound: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EntryNotFound(f"{path}: {error.strerror}; check the file with the warm-up requests") from error
    if path.suffix.lower() != ".txt":
        return [data]
    return [line for line in data.splitlines() if line.strip()]


async def _ask(front: FrontContext, backend: Backend, body: bytes, seconds: float) -> _Outcome:
    asker = _Asker(front.loop)
    exchange = Exchange(cast("Connection", asker), front.loop.time() + seconds, Head(), body, complete=True)
    exchange.size = len(body)
    exchange.head.backend = backend
    if len(body) > front.max_body:
        return _Outcome(413, f"it is larger than {front.max_body} bytes (--max-body)")
    refusal = backend.dispatcher.submit(exchange)
    if refusal is not None:
        return _Outcome(refusal.status, refusal.text)
    backend.ring.uncount(exchange.slot)
    try:
        return await asyncio.wait_for(asker.outcome, seconds)
    except asyncio.TimeoutError:
        backend.dispatcher.abandon(exchange)
        return _Outcome(408, f"it took longer than {seconds:g} s")
