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
from contextlib import closing
from typing import Final, NamedTuple

from servers import BENCH, BUILD, BenchError, Row, host, run, started, tool
from table import print_table, progress

NAME: Final = "deaths"
_HEAD: Final = ("ends its process: until it is answered", "median ms", "p95 ms", "at most ms", "promised median")
_SERVED: Final = 20
"""Requests that each process answers before it ends."""
_CPP: Final = ("SIGSEGV", "abort", "_exit", "exit")
_PROMISED_MS: Final = 20
_PROMISED_JVM_MS: Final = 150
"""A JVM writes a report of its crash before it ends."""


class _Processor(NamedTuple):
    """
    A processor as it is served, its *name* in the table, the *causes* of its end, which are what the requests say, and
    the *promised* milliseconds.
    """

    name: str
    row: Row
    causes: tuple[str, ...]
    promised: int = _PROMISED_MS


def print_deaths(deaths: int, only: str) -> None:
    """
    Measure so many *deaths* of each cause, and print the table. *only* is how the names of its parts begin, after that
    of the table: "deaths, java".
    """
    chosen = [processor for processor in _processors() if f"{NAME}, {processor.name}".startswith(only)]
    lines = [line for processor in chosen for line in _lines(processor, deaths)]
    progress("")
    if lines:
        print(f"{deaths} deaths of each cause, one at a time")
        print()
        print_table(_HEAD, lines)
        print()


def _processors() -> list[_Processor]:
    library, jar, program = BUILD / "libdies.so", BUILD / "dies.jar", BENCH / "processors" / "dies.py"
    cpp = host("cpp", library, "process")._replace(prepare=_build_library)
    native = host("cpp", library, "process", "", "--worker", "native")._replace(prepare=_build_library)
    java = host("java", jar, "process")._replace(prepare=_build_jar)
    options = "-Xmx64m -XX:+ExitOnOutOfMemoryError"
    small = host("java", jar, "process", "", "--jvm-options", options)._replace(prepare=_build_jar)
    return [
        _Processor("cpp", cpp, _CPP),
        _Processor("cpp native", native, _CPP),
        _Processor("java", java, ("System.exit", "Runtime.halt", "native crash"), _PROMISED_JVM_MS),
        _Processor("java 64 MiB", small, ("out of memory",), _PROMISED_JVM_MS),
        _Processor("python", host("python", program, "process"), ("SIGSEGV", "abort", "os._exit")),
    ]


def _build_library() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c++17", "-O2", "-g", "-fPIC", "-shared", f"-I{BENCH.parent / 'native' / 'include'}"]
    run(tool("g++"), *flags, BENCH / "processors" / "dies.cc", "-o", BUILD / "libdies.so")


def _build_jar() -> None:
    classes = BUILD / "dies-classes"
    run(tool("javac"), "-nowarn", "-d", classes, BENCH / "processors" / "Dies.java")
    run(tool("jar"), "--create", "--file", BUILD / "dies.jar", "-C", classes, ".")


def _lines(processor: _Processor, deaths: int) -> list[tuple[str, ...]]:
    row = processor.row
    row.prepare()
    with started(row), closing(http.client.HTTPConnection("127.0.0.1", row.port)) as connection:
        return [_line(connection, processor, cause, deaths) for cause in processor.causes]


def _line(connection: http.client.HTTPConnection, processor: _Processor, cause: str, deaths: int) -> tuple[str, ...]:
    name = f"{processor.name}: {cause}"
    times: list[float] = []
    for number in range(deaths + 1):
        progress(f"death {number} of {deaths}: {name}")
        for _ in range(_SERVED):
            _ask(connection, "is served", http.HTTPStatus.OK)
        begin = time.perf_counter()
        _ask(connection, cause, http.HTTPStatus.INTERNAL_SERVER_ERROR)
        times.append((time.perf_counter() - begin) * 1000)
    counted = sorted(times[1:])
    p95 = counted[(len(counted) * 95 - 1) // 100]
    figures = (statistics.median(counted), p95, counted[-1])
    return name, *(f"{figure:.1f}" for figure in figures), str(processor.promised)


def _ask(connection: http.client.HTTPConnection, body: str, expected: int) -> None:
    connection.request("POST", "/", body)
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != expected:
        raise BenchError(f"{body!r} answers {response.status} instead of {expected}: {text}")
