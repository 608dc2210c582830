"""
The table of deaths: how long a request waits for its answer if it ends its worker.

One connection sends a request that ends the process, in each of the ways that processors do it, and the time until its
answer has come is taken. In between other requests are answered by the next worker, so each death is that of a process
that has served, in a host that has nothing else to do. The first death is not counted: with it the program starts that
reads debug information.
"""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Final

from measuring.table import Line, Subject, Table, figure
from servers import builds
from servers.ours import host
from servers.server import Running, Server
from servers.tools import BenchError
from tables.served import served

NAME: Final = "deaths"
_COLUMNS: Final = (
    figure("median_ms", "median ms", 1, drawn=True),
    figure("max_ms", "at most ms", 1),
    figure("promised_ms", "promised median", 0),
)
_SERVED: Final = 20
"""Requests that each process answers before it ends."""
_CPP: Final = ("SIGSEGV", "abort", "_exit", "exit")
_JAVA: Final = ("System.exit", "Runtime.halt", "native crash")
_PYTHON: Final = ("SIGSEGV", "abort", "os._exit")
_PROMISED_MS: Final = 20
_PROMISED_JVM_MS: Final = 150
"""A JVM writes a report of its crash before it ends."""


def deaths_table(deaths: int) -> Table:
    """
    Describe the table of so many *deaths* of each cause in each round.
    """
    library, jar = builds.library("dies"), builds.jar("Dies")
    cpp, java = partial(builds.build_library, "dies"), partial(builds.build_jar, "Dies")
    small = ("--jvm-options", "-Xmx64m -XX:+ExitOnOutOfMemoryError")
    subjects = [
        _subject(host("cpp", library, prepare=cpp), _CPP, deaths),
        _subject(host("cpp native", library, "--worker", "native", prepare=cpp), _CPP, deaths),
        _subject(host("java", jar, prepare=java), _JAVA, deaths, _PROMISED_JVM_MS),
        _subject(host("java 64 MiB", jar, *small, prepare=java), ("out of memory",), deaths, _PROMISED_JVM_MS),
        _subject(host("python", builds.SOURCES / "dies.py"), _PYTHON, deaths),
    ]
    return Table(NAME, f"{deaths} deaths of each cause, one at a time, until they are answered", subjects, _COLUMNS)


def _subject(server: Server, causes: Sequence[str], deaths: int, promised: int = _PROMISED_MS) -> Subject:
    def measure(running: Running) -> list[Line]:
        with closing(http.client.HTTPConnection("127.0.0.1", running.port)) as connection:
            times = {cause: _deaths(connection, cause, deaths) for cause in causes}
        return [Line(server.name, f"{server.name}: {cause}", _sample(times[cause], promised)) for cause in causes]

    return served(server, lambda _: None, measure)


def _sample(times: Sequence[float], promised: int) -> dict[str, float]:
    return {"median_ms": statistics.median(times), "max_ms": max(times), "promised_ms": promised}


def _deaths(connection: http.client.HTTPConnection, cause: str, deaths: int) -> list[float]:
    times: list[float] = []
    for _ in range(deaths + 1):
        for _ in range(_SERVED):
            _ask(connection, "is served", http.HTTPStatus.OK)
        begin = time.perf_counter()
        _ask(connection, cause, http.HTTPStatus.INTERNAL_SERVER_ERROR)
        times.append((time.perf_counter() - begin) * 1000)
    return times[1:]


def _ask(connection: http.client.HTTPConnection, body: str, expected: int) -> None:
    connection.request("POST", "/", body)
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != expected:
        raise BenchError(f"{body!r} answers {response.status} instead of {expected}: {text}")
