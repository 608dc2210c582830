"""
The table of batches: what one call for several requests wins, with many clients, and what it costs a single one.

The processor does one thing at a time, as a GPU does: a call takes 2 ms, and 0.1 ms for each request in it. So one by
one it can answer 476 requests/s, and 4,444 in batches of 16.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from measuring import wrk
from measuring.table import Line, Subject, Table, figure, ratio
from measuring.wrk import Load
from servers import builds
from servers.ours import host
from servers.server import Running
from tables.served import served

NAME: Final = "batches"
_CLIENTS: Final = (32, 1)
_FORMS: Final = {
    "off": (),
    "adaptive": ("--batching", "adaptive"),
    "adaptive, one thread": ("--batching", "adaptive", "--worker-threads", "1"),
    "fixed": ("--batching", "fixed"),
}
_COLUMNS: Final = (
    figure("rate", "requests/s", 0, drawn=True),
    ratio("rate", "of off"),
    figure("p50_ms", "p50 ms", 2, drawn=True),
    figure("p99_ms", "p99 ms", 2),
    figure("cpu_us", "CPU µs/request", 1),
)


def batches_table(seconds: int, warm_up: int) -> Table:
    """
    Describe the table.
    """
    subjects = [_subject(form, options, seconds, warm_up) for form, options in _FORMS.items()]
    return Table(NAME, "2 ms for each call and 0.1 ms for each request in it, one call at a time", subjects, _COLUMNS)


def _subject(form: str, options: tuple[str, ...], seconds: int, warm_up: int) -> Subject:
    server = host(form, builds.library("batches"), *options, prepare=partial(builds.build_library, "batches"))

    def warm(running: Running) -> None:
        if warm_up:
            wrk.measure(running, Load(_CLIENTS[0], 32), warm_up)

    def measure(running: Running) -> list[Line]:
        samples = {clients: wrk.measure(running, Load(clients, 32), seconds) for clients in _CLIENTS}
        return [
            Line(server.name, f"{form}, {_count(clients)}", sample, f"off, {_count(clients)}")
            for clients, sample in samples.items()
        ]

    return served(server, warm, measure)


def _count(clients: int) -> str:
    return "one client" if clients == 1 else f"{clients} clients"
