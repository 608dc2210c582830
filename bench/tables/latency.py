"""
The table of latency: how long requests take that are sent at a fixed rate, a share of what each server can do.

A closed loop, as in the tables of throughput, sends nothing while it waits, so it does not see how long clients wait
who do not wait for one another.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from measuring import open_loop, wrk
from measuring.open_loop import Arrivals
from measuring.table import Line, Subject, Table, figure, ratio
from servers.ours import BASELINE
from servers.server import Running, Server
from tables.served import served
from tables.variant import Variant

NAME: Final = "latency"
SHARES: Final = (25, 50, 75)
_WHOLE_CORE: Final = 0.9
"""The share of a core from which on the client may have waited for it."""
_COLUMNS: Final = (
    figure("p50_ms", "p50 ms", 3, drawn=True),
    figure("p90_ms", "p90 ms", 3),
    figure("p99_ms", "p99 ms", 3, drawn=True),
    figure("p99.9_ms", "p99.9 ms", 3),
    figure("max_ms", "max ms", 1),
    ratio("p99_ms", "p99 of bare"),
    figure("rate", "requests/s", 0),
    figure("cpu_us", "CPU µs/request", 1),
    figure("errors", "errors", 3),
    figure("client", "client", 2),
)


def latency_table(
    servers: Sequence[Server], variant: Variant, seconds: int, warm_up: int, shares: Sequence[int] = SHARES
) -> Table:
    """
    Describe the table of *servers* at so many per cent of the peak of each.
    """
    title = f"{variant.title}; an open loop at {', '.join(map(str, shares))} % of each server's peak"
    each = max(1, seconds // 2)  # there are several for each server
    subjects = [_subject(server, variant, each, warm_up, shares) for server in servers]
    return Table(NAME, title, subjects, _COLUMNS, remark=_remark)


def _remark(lines: Mapping[str, Sequence[Line]]) -> str:
    late = [
        name
        for name, found in lines.items()
        if statistics.median(line.sample["client"] for line in found) >= _WHOLE_CORE
    ]
    return f"The client had no CPU time left, so these times are its own: {'; '.join(late)}." if late else ""


def _subject(server: Server, variant: Variant, seconds: int, warm_up: int, shares: Sequence[int]) -> Subject:
    peaks: list[float] = []

    def prepare(running: Running) -> None:
        wrk.warm_up(running, variant.load, warm_up)
        # Once for all rounds: they are to be the same.
        if not peaks:
            peaks.append(wrk.measure(running, variant.load, seconds)["rate"])

    def measure(running: Running) -> list[Line]:
        rates = {f"at {share} %": peaks[0] * share / 100 for share in shares}
        samples = {
            at: open_loop.measure(running, Arrivals(rate, seconds, variant.body, variant.connections))
            for at, rate in rates.items()
        }
        return [
            Line(server.name, f"{server.name}, {at}", sample, f"{BASELINE}, {at}") for at, sample in samples.items()
        ]

    return served(server, prepare, measure, variant.burners)
