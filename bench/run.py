"""
The benchmark: an echo over HTTP, served by nginx, by a bare loop, by the host and by others like it; how long requests
take that come at a fixed rate; how much a processor that computes slows other requests down; and what the host adds to
a real processor. And, only if asked for, how soon a request is answered that ends its worker.

    make bench                                                  32 connections, 32-byte bodies
    make bench BENCH_ARGS="--quick"                             the same in five minutes instead of fifteen
    make bench BENCH_ARGS="--only cpp --quick"                  the C++ echo, in a minute
    make bench BENCH_ARGS="--connections 1,32"                  latency rather than throughput, and then the usual
    make bench BENCH_ARGS="--connections 4 --body 1048576"      copying rather than parsing
    make bench BENCH_ARGS="--vary"                              each head another one, as clients that sign send them
    make bench BENCH_ARGS="--vary --token"                      and eas-host asks for a token, so it checks signatures
    make bench BENCH_ARGS="--only python" PEERS=all             the Python echo, beside all other hosts
    make bench BENCH_ARGS="--only latency"                      times at 25, 50 and 75 % of what each server can do
    make bench BENCH_ARGS="--only ping"                         beside a processor that computes
    make bench BENCH_ARGS="--only batches"                      several requests in one call
    make bench BENCH_ARGS="--only deaths"                       the requests that end their worker
    make bench BENCH_ARGS="--only images"                       the image classification example, and its bare twins
    make bench BENCH_ARGS="--full"                              several values of all that can be varied: hours

How to read it, and what is not measured: bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from measuring.loop import measure_table
from measuring.table import MeasuredTable, Table
from options import dimensions, is_wanted, parse_options
from report.document import Document, to_document
from report.machine import describe_machine
from report.markdown import format_machine, format_settings, format_table, to_markdown
from report.publish import publish
from report.svg import to_svg
from servers.ours import BASELINE, bare, echoes, nginx, other_forms
from servers.peer import Demand
from servers.peers import BATCHING_PEERS, PEERS
from servers.server import Server
from servers.tools import BenchError, tool
from tables import batches, deaths, echo, images, latency, ping
from tables.variant import Variant, variants


def main() -> int:
    """
    Measure what the options ask for, print it and write it.
    """
    options = parse_options(sys.argv[1:], __doc__)
    arguments = [word for word in sys.argv[1:] if word != "--publish"]
    machine = describe_machine()
    done: list[MeasuredTable] = []
    try:
        tool("wrk")
        for table, rounds in _tables(options):
            done.append(measure_table(table, rounds))
            document = to_document(machine, arguments, options.rounds, done)
            print(format_table(document["tables"][-1]), end="\n\n", flush=True)
            _write(document, options.output)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not done:
        print("bench: --only: there is no such server and no such table", file=sys.stderr)
        return 2
    print(f"{format_settings(document)}\n\n{format_machine(document)}")
    if options.publish:
        publish(document)
    return 0


def _tables(options: argparse.Namespace) -> Iterator[tuple[Table, int]]:
    """
    Yield the tables that are wanted, and how many rounds each has.
    """
    several = list(variants(dimensions(options)))
    seconds, warm_up, rounds = options.seconds, options.warm_up, options.rounds
    tables: list[tuple[Table, int]] = [
        *((_echoes(options, one), rounds) for one in several),
        *((_latencies(options, one), rounds) for one in several if one.heads == "same"),
        (ping.ping_table(seconds, warm_up), rounds),
        (batches.batches_table(_named(options, batches.demand(), BATCHING_PEERS), seconds, warm_up), rounds),
        (images.images_table(several[0].connections, warm_up), rounds * seconds),
        (deaths.deaths_table(seconds), rounds),
    ]
    for table, times in tables:
        wanted = [one for one in table.subjects if is_wanted(table.name, one.name, options.only)]
        if wanted:
            # What the others are compared with is always measured.
            chosen = [one for one in table.subjects if one in wanted or one.name == BASELINE]
            yield table._replace(subjects=chosen), times


def _echoes(options: argparse.Namespace, variant: Variant) -> Table:
    forms = other_forms(variant.workers(token=options.token), options.languages)
    servers = [*_ours(options, variant), *forms, *_peers(options, variant)]
    return echo.echo_table(servers, variant, options.seconds, options.warm_up)


def _latencies(options: argparse.Namespace, variant: Variant) -> Table:
    servers = [*_ours(options, variant), *_peers(options, variant)]
    return latency.latency_table(servers, variant, options.seconds, options.warm_up)


def _ours(options: argparse.Namespace, variant: Variant) -> list[Server]:
    constant = [] if variant.work else [nginx()]  # it runs no code that could compute
    return [*constant, bare(variant.work), *echoes(variant.workers(token=options.token), options.languages)]


def _peers(options: argparse.Namespace, variant: Variant) -> list[Server]:
    """
    Return the other hosts, if *variant* does not vary what only this one has.
    """
    if variant.threads or variant.processes:
        return []
    return _named(options, Demand(variant.connections, variant.work), PEERS)


def _named(options: argparse.Namespace, demand: Demand, known: Collection[str]) -> list[Server]:
    """
    Return the other hosts that are asked for, as far as they are among *known*.
    """
    return [peer for name in options.peers if name in known for peer in PEERS[name](demand)]


def _write(document: Document, folder: Path) -> None:
    """
    Write *document* after each table: a run that is ended has its results up to then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "bench.md").write_text(to_markdown(document), encoding="utf-8")
    (folder / "bench.svg").write_text(to_svg(document), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
