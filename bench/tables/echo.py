"""
The first tables: an echo over HTTP, served by nginx, by a bare loop, by the host and by others like it, and as many
requests as each of them answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from measuring import wakeups, wrk
from measuring.table import Line, Subject, Table, figure, ratio
from servers.ours import BASELINE
from servers.server import Running, Server
from tables.served import served
from tables.variant import Variant

NAME: Final = "echo"
_COLUMNS: Final = (
    figure("rate", "requests/s", 0, drawn=True),
    ratio("rate", "of bare"),
    figure("cpu_us", "CPU µs/request", 1, drawn=True),
    ratio("cpu_us", "of bare"),
    figure("p50_ms", "p50 ms", 2),
    figure("p99_ms", "p99 ms", 2),
    figure("wake_ups", "wake-ups/request", 3),
)


def echo_table(servers: Sequence[Server], variant: Variant, seconds: int, warm_up: int) -> Table:
    """
    Describe the table of *servers* under the load of *variant*.
    """
    subjects = [_subject(server, variant, seconds, warm_up) for server in servers]
    return Table(NAME, variant.title, subjects, _COLUMNS)


def _subject(server: Server, variant: Variant, seconds: int, warm_up: int) -> Subject:
    def measure(running: Running) -> list[Line]:
        before = wakeups.read(running)
        sample = dict(wrk.measure(running, variant.load, seconds))
        sample |= wakeups.for_each_request(before, wakeups.read(running))
        return [Line(server.name, server.name, sample, BASELINE)]

    return served(server, lambda running: wrk.warm_up(running, variant.load, warm_up), measure, variant.burners)
