"""
The requests that a processor must answer before its service is up (`warm_up_data_path`).

EAS's rules (docs/eas-compatibility.md, section 7.6): a text file contains one request a line, any other file is one
request. Each request is sent five times in a row, the next one after these have succeeded; the service is up when all
have. The timeout of a call is twice `rpc.keepalive`, since the first ones are slow. EAS says nothing about a status
other than 200: here it keeps the service from coming up, as a state other than 0 does, and the log shows the response.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from eas_host import answers, log
from eas_host.dispatch.backend import Backend
from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.errors import EntryNotFound, InitializeFailed
from eas_host.front.detached_requests import DetachedResponder, Outcome
from eas_host.reply import OK

REPETITIONS: Final = 5
_MAX_SHOWN: Final = 200
"""How many bytes of a response the log shows."""


async def warm_up(backend: Backend, path: Path, keepalive: float, max_body: int) -> None:
    """
    Send the requests in *path*, of at most *max_body* bytes, to *backend*, each `REPETITIONS` times in a row. The
    timeout of a call is twice *keepalive* seconds.

    Raises:
        EntryNotFound: the file cannot be read.
        InitializeFailed: one of them was not answered with 200.
    """
    requests = read_requests(path)
    log.info("%swarming up with %d requests of %s", backend.log_prefix, len(requests), path)
    for number, body in enumerate(requests, 1):
        for _ in range(REPETITIONS):
            outcome = await _ask(backend, body, 2 * keepalive, max_body)
            if outcome.status != OK:
                what = f"request {number} of {len(requests)} in {path} was answered {outcome.status}"
                raise InitializeFailed(f"{backend.log_prefix}warm-up: {what}: {outcome.body_text(_MAX_SHOWN).strip()}")


def read_requests(path: Path) -> list[bytes]:
    """
    Read the requests in *path*: the non-empty lines of a `.txt` file, or the whole of any other file.

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


async def _ask(backend: Backend, body: bytes, seconds: float, max_body: int) -> Outcome:
    if len(body) > max_body:
        return Outcome(answers.TOO_LARGE.status, f"it is larger than {max_body} bytes (--max-body)".encode())
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Outcome] = loop.create_future()
    responder = DetachedResponder(lambda found: None if outcome.done() else outcome.set_result(found))
    exchange = Exchange(responder, loop.time() + seconds, RequestHead(), body, complete=True)
    exchange.size = len(body)
    exchange.head.backend = backend
    error_response = backend.submit(exchange)
    if error_response is not None:
        return Outcome(error_response.status, error_response.text.encode())
    backend.ring.exclude_from_stats(exchange.slot)
    try:
        return await asyncio.wait_for(outcome, seconds)
    except asyncio.TimeoutError:
        backend.abandon(exchange)
        return Outcome(answers.TIMED_OUT.status, f"it took longer than {seconds:g} s".encode())
