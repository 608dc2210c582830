"""
The second table of the benchmark: how much slower the host answers other requests while a processor computes.

`python app.py` runs a processor whose five threads do nothing but compute, for as long as ten connections keep them
at it. Meanwhile one connection asks for `/api/builtin/ping` again and again, as it does while all of them are idle.
The processor takes one of the cores and holds Python's lock; the front, a process of its own, must not be slowed by
more than that. Idle and busy are measured in turns, on one host.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
from collections.abc import Iterator
from typing import Final

from measure import Load, Result, measure, wrk_command
from servers import BENCH, Row, program, started
from table import print_table, progress

NAME: Final = "ping"
_HEAD: Final = ("/api/builtin/ping", "requests/s", "of idle", "p99 ms", "of idle")
_SPIN: Final = Load(connections=10, body=32, seconds=3600)
_PING: Final = Load(connections=1, body=None, seconds=1)


def print_pings(rounds: int, seconds: int) -> None:
    """
    Measure, and print the table.
    """
    row = program("python spin.py", BENCH / "processors" / "spin.py")
    ping = f"http://127.0.0.1:{row.port}/api/builtin/ping"
    idle: list[Result] = []
    busy: list[Result] = []
    with started(row) as root:
        measure(ping, root, _PING)  # the first second warms up
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}: ping")
            idle.append(measure(ping, root, _PING._replace(seconds=seconds)))
            with _spinning(row):
                measure(ping, root, _PING)
                busy.append(measure(ping, root, _PING._replace(seconds=seconds)))
    progress("")
    print_table(_HEAD, [_line("idle", idle, idle), _line("beside 5 threads that compute", busy, idle)])


@contextlib.contextmanager
def _spinning(row: Row) -> Iterator[None]:
    load = subprocess.Popen(wrk_command(row.url, _SPIN), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        load.kill()
        load.wait()


def _line(name: str, own: list[Result], idle: list[Result]) -> tuple[str, ...]:
    ratios = [(mine.rate / its.rate, mine.p99_us / its.p99_us) for mine, its in zip(own, idle, strict=True)]
    rate_ratio, p99_ratio = (statistics.median(column) for column in zip(*ratios, strict=True))
    middle = Result.median(own)
    return name, f"{middle.rate:,.0f}", f"{rate_ratio:.2f}", f"{middle.p99_us / 1000:.3f}", f"{p99_ratio:.2f}"
