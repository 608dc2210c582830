"""
The benchmark: an echo over HTTP, served by nginx, by a bare loop and by the host, measured the same way.

    make bench                                                  32 connections, 32-byte bodies
    make bench BENCH_ARGS="--quick"                             the same in less than a minute
    make bench BENCH_ARGS="--connections 1"                     latency rather than throughput
    make bench BENCH_ARGS="--connections 4 --body 1048576"      copying rather than parsing

A machine's speed drifts while it is measured, so the rounds are interleaved: each round measures every server
once, a ratio compares two results of the same round, and what is printed is the median over the rounds. wrk
runs on the same machine with one thread and takes its share of the cores; that share is in none of the CPU
figures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
from typing import Final

from measure import Load, Result, measure
from servers import BASELINE, BenchError, Row, rows, started, tool

_HEAD: Final[tuple[str, ...]] = ("", "requests/s", "of bare", "CPU µs/request", "of bare", "p99 ms")
_WARM_UP: Final = 1.0
"""Seconds of load before the first round: the JVM compiles, buffers and caches reach their size."""
_BUSY: Final = 0.25
"""Of all cores, on average over the last minute. Processes that share a core evict each other's caches."""


def main() -> int:
    """
    Measure what the options ask for and print the table.
    """
    options = _options()
    load = Load(options.connections, options.body, options.seconds)
    _warn_if_busy()
    try:
        tool("wrk")
        chosen = [row for row in rows() if row.name == BASELINE or options.only in row.name]
        results = _interleaved(chosen, load, options.rounds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"{load.connections} connections, bodies of {load.body} bytes; median of {options.rounds} rounds")
    print()
    _print_table(results)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", "-c", type=int, default=32, help="[32]")
    parser.add_argument("--body", type=int, default=32, help="bytes in each request's body [32]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--seconds", type=float, default=4, help="of load on each server in each round [4]")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name has TEXT, and the bare row")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 second")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 1
    return options


def _warn_if_busy() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > _BUSY * cores:
        print(
            f"bench: this machine is busy (load {load:.1f} on {cores} cores); expect less of it",
            file=sys.stderr,
        )


def _interleaved(chosen: list[Row], load: Load, rounds: int) -> dict[str, list[Result]]:
    results: dict[str, list[Result]] = {row.name: [] for row in chosen}
    with contextlib.ExitStack() as stack:
        processes = {row.name: stack.enter_context(started(row)) for row in chosen}
        for row in chosen:
            _progress(f"warming up {row.name}")
            measure(row.port, processes[row.name], load._replace(seconds=_WARM_UP))
        for number in range(rounds):
            for row in chosen:
                _progress(f"round {number + 1} of {rounds}: {row.name}")
                results[row.name].append(measure(row.port, processes[row.name], load))
    _progress("")
    return results


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _print_table(results: dict[str, list[Result]]) -> None:
    table = [_HEAD, *(_line(name, own, results[BASELINE]) for name, own in results.items())]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])))
    for first, *others in table:
        cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
        print(f"| {' | '.join(cells)} |")


def _line(name: str, own: list[Result], bare: list[Result]) -> tuple[str, ...]:
    ratios = [(mine.rate / its.rate, mine.cpu_us / its.cpu_us) for mine, its in zip(own, bare, strict=True)]
    rate, cpu, p99 = (statistics.median(column) for column in zip(*own, strict=True))
    rate_ratio, cpu_ratio = (statistics.median(column) for column in zip(*ratios, strict=True))
    return name, f"{rate:,.0f}", f"{rate_ratio:.2f}", f"{cpu:.1f}", f"{cpu_ratio:.2f}", f"{p99 / 1000:.2f}"


if __name__ == "__main__":
    sys.exit(main())
