"""
The benchmark: an echo over HTTP, served by nginx, by a bare loop, by the host and by others like it, measured the same
way; how much a processor that computes slows other requests down; and what the host adds to a real processor. And, only
if asked for, how soon a request is answered that ends its worker.

    make bench                                                  32 connections, 32-byte bodies
    make bench BENCH_ARGS="--quick"                             the same in a minute
    make bench BENCH_ARGS="--connections 1"                     latency rather than throughput
    make bench BENCH_ARGS="--connections 4 --body 1048576"      copying rather than parsing
    make bench BENCH_ARGS="--vary"                              each head another one, as clients that sign send them
    make bench BENCH_ARGS="--vary --token"                      and eas-host asks for a token, so it checks signatures
    make bench BENCH_ARGS="--only python"                       the Python echo, beside mosec and LitServe
    make bench BENCH_ARGS="--only ping"                         beside a processor that computes
    make bench BENCH_ARGS="--only deaths"                       the requests that end their worker
    make bench BENCH_ARGS="--only images"                       the image classification example, and its bare twins

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

import deaths
import images
import ping
import wakeups
from measure import Load, Result, measure
from peers import peers
from servers import BASELINE, BenchError, Row, rows, started, tool
from table import print_table, progress

_HEAD: Final[tuple[str, ...]] = ("", "requests/s", "of bare", "CPU µs/request", "of bare", "p99 ms", "wake-ups/request")
_WARM_UP: Final = 1
"""Seconds of load before the first round: the JVM compiles, buffers and caches reach their size."""
_BUSY: Final = 0.25
"""Of all cores, on average over the last minute. Processes that share a core evict each other's caches."""


def main() -> int:
    """
    Measure what the options ask for and print the tables.
    """
    options = _options()
    load = Load(options.connections, options.body, options.seconds, options.vary)
    _warn_if_busy()
    try:
        tool("wrk")
        known = [*rows(token=options.token), *peers(options.connections)]
        wanted = [row for row in known if options.only in row.name]
        if wanted:
            baseline = [row for row in known if row.name == BASELINE and row not in wanted]
            _print_echoes([*baseline, *wanted], load, options.rounds)
        if options.only in ping.NAME:
            ping.print_pings(options.rounds, options.seconds)
        if options.only.startswith(deaths.NAME):
            deaths.print_deaths(options.rounds * options.seconds, options.only)
        if options.only in images.NAME:
            images.print_images(load, options.rounds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", "-c", type=int, default=32, help="connections that send requests at once [32]")
    parser.add_argument("--body", type=int, default=32, help="bytes in each request's body [32]")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is measured [5]")
    parser.add_argument("--seconds", type=int, default=4, help="seconds of load on each server in each round [4]")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help=f"only rows whose name contains TEXT, and the bare row; or {ping.NAME}, {deaths.NAME} or {images.NAME}",
    )
    parser.add_argument("--vary", action="store_true", help="another date, signature and length in each request")
    parser.add_argument("--token", action="store_true", help="eas-host asks for a token; needs --vary")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 second")
    options = parser.parse_args()
    if options.token and not options.vary:
        parser.error("--token: the clients that show one are those of --vary")
    if options.quick:
        options.rounds, options.seconds = 3, 1
    return options


def _warn_if_busy() -> None:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > _BUSY * cores:
        print(
            f"bench: this machine is busy (load {load:.1f} on {cores} cores); expect lower figures",
            file=sys.stderr,
        )


def _print_echoes(chosen: list[Row], load: Load, rounds: int) -> None:
    for row in chosen:
        row.prepare()
    results, wake_ups = _interleaved(chosen, load, rounds)
    heads = "heads that vary" if load.vary else "the same head in all requests"
    print(f"{load.connections} connections, bodies of {load.body} bytes, {heads}; median of {rounds} rounds")
    print()
    print_table(_HEAD, ((*_line(name, own, results[BASELINE]), wake_ups[name]) for name, own in results.items()))
    print()


def _interleaved(chosen: list[Row], load: Load, rounds: int) -> tuple[dict[str, list[Result]], dict[str, str]]:
    """
    Measure each of *chosen* in each round; with the results come the wake-ups for each request.
    """
    results: dict[str, list[Result]] = {row.name: [] for row in chosen}
    with contextlib.ExitStack() as stack:
        processes = {row.name: stack.enter_context(started(row)) for row in chosen}
        for row in chosen:
            progress(f"warming up {row.name}")
            measure(row.url, processes[row.name], load._replace(seconds=_WARM_UP))
        before = {row.name: wakeups.read(row) for row in chosen}
        for number in range(rounds):
            for row in chosen:
                progress(f"round {number + 1} of {rounds}: {row.name}")
                results[row.name].append(measure(row.url, processes[row.name], load))
        after = {row.name: wakeups.read(row) for row in chosen}
    progress("")
    return results, {name: wakeups.for_each_request(counted, after[name]) for name, counted in before.items()}


def _line(name: str, own: list[Result], bare: list[Result]) -> tuple[str, ...]:
    ratios = [(mine.rate / its.rate, mine.cpu_us / its.cpu_us) for mine, its in zip(own, bare, strict=True)]
    rate_ratio, cpu_ratio = (statistics.median(column) for column in zip(*ratios, strict=True))
    middle = Result.median(own)
    rate, cpu, p99 = f"{middle.rate:,.0f}", f"{middle.cpu_us:.1f}", f"{middle.p99_us / 1000:.2f}"
    return name, rate, f"{rate_ratio:.2f}", cpu, f"{cpu_ratio:.2f}", p99


if __name__ == "__main__":
    sys.exit(main())
