"""
The table of pings: how much slower the host answers other requests while a processor computes.

`python app.py` runs a processor whose five threads do nothing but compute, for as long as ten connections keep them
at it. Meanwhile one connection asks for `/api/builtin/ping` again and again, as it does while all of them are idle.
The processor takes one of the cores and holds Python's lock; the front, a process of its own, must not be slowed by
more than that.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Final

from measuring import wrk
from measuring.table import Line, Subject, Table, figure, ratio
from measuring.wrk import Load
from servers import builds
from servers.ours import program
from servers.server import Running
from tables.served import served

NAME: Final = "ping"
_IDLE: Final = "idle"
_BUSY: Final = "beside 5 threads that compute"
_PING: Final = "/api/builtin/ping"
_PINGS: Final = Load(connections=1, body=None)
_SPIN: Final = Load(connections=10, body=32)
_LONG: Final = 3600
_COLUMNS: Final = (
    figure("rate", "requests/s", 0, drawn=True),
    ratio("rate", "of idle"),
    figure("p50_ms", "p50 ms", 3),
    figure("p99_ms", "p99 ms", 3, drawn=True),
    ratio("p99_ms", "of idle"),
)


def ping_table(seconds: int, warm_up: int) -> Table:
    """
    Describe the table.
    """
    server = program("python spin.py", builds.SOURCES / "spin.py")

    def warm(running: Running) -> None:
        if warm_up:
            wrk.measure(running, _PINGS, warm_up, _PING)

    def measure(running: Running) -> list[Line]:
        idle = wrk.measure(running, _PINGS, seconds, _PING)
        with _spinning(running):
            warm(running)
            busy = wrk.measure(running, _PINGS, seconds, _PING)
        return [Line(server.name, name, sample, _IDLE) for name, sample in ((_IDLE, idle), (_BUSY, busy))]

    subject: Subject = served(server, warm, measure)
    return Table(NAME, f"{_PING}, asked by one connection", [subject], _COLUMNS)


@contextlib.contextmanager
def _spinning(running: Running) -> Iterator[None]:
    load = subprocess.Popen(wrk.wrk_command(running, _SPIN, _LONG), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        load.kill()
        load.wait()
