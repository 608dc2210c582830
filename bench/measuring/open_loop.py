"""
So many requests a second, whatever becomes of those before, with the generator of `eas-host load --rate`.

The time of a request counts from when it was due, so what waits behind a slow one is not left out. The generator takes
its share of the machine; how much, is in the sample, since where it had no CPU time left it was what was measured.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, NamedTuple

import uvloop

from eas_host.load.cpu import read_cpu
from eas_host.load.driver import Course
from eas_host.load.open_loop import OpenLoop
from eas_host.load.service import Requests, ServiceUrl, parse_url
from measuring.table import Sample
from servers.server import Running
from servers.tools import TOKEN, BenchError

_TIMEOUT: Final = 10.0
"""Seconds for the answers that are missing at the end."""


class Arrivals(NamedTuple):
    """
    So many requests a second for so many *seconds*, each with a *body* of so many bytes, over so many *connections* at
    most. One that finds all of them taken waits, and its time counts, too.
    """

    rate: float
    seconds: float
    body: int
    connections: int


def measure(server: Running, arrivals: Arrivals) -> Sample:
    """
    Send *server* requests. The sample has times, CPU time per request, the share of errors, and how much of a core the
    generator used or waited for.

    Raises:
        BenchError: none was answered.
    """
    try:
        return uvloop.run(_measure(server, arrivals))
    except OSError as error:
        raise BenchError(f"{server.recipe.name}: {error}") from error


class _ServerRequests(Requests):
    """
    The same request again and again, with the further headers of *server*.
    """

    def __init__(self, server: Running, url: ServiceUrl, body: int) -> None:
        super().__init__(url, [b"x" * body], TOKEN)
        line, head = super().next().split(b"\r\n", 1)
        further = "".join(f"{name}: {value}\r\n" for name, value in server.recipe.headers.items())
        self._request = b"%b\r\n%b%b" % (line, further.encode(), head)

    def next(self) -> bytes:
        """
        Return all bytes of the next request.
        """
        return self._request


async def _measure(server: Running, arrivals: Arrivals) -> Sample:
    url = parse_url(server.url)
    interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    course = Course(url, _ServerRequests(server, url, arrivals.body), arrivals.seconds, _TIMEOUT, interrupted)
    before, begin = read_cpu(server.pid), time.monotonic()
    seen = await OpenLoop(course, arrivals.rate, arrivals.connections).measure()
    cpu, elapsed = read_cpu(server.pid).since(before), time.monotonic() - begin
    if not seen.latency.count or cpu.front is None or cpu.workers is None:
        raise BenchError(f"{server.recipe.name}: no answer at {arrivals.rate:.0f} requests/s: {seen.first_error}")
    times = {f"p{percent:g}_ms": seen.latency.percentile(percent) * 1000 for percent in (50, 90, 99, 99.9)}
    return {
        "rate": arrivals.rate,
        **times,
        "max_ms": seen.latency.most * 1000,
        "cpu_us": (cpu.front + cpu.workers) * 1e6 / seen.sent,
        "errors": seen.errors / seen.sent,
        "client": (cpu.generator + cpu.generator_delay) / elapsed,
    }
