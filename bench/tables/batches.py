"""
The table of batches: what one call for several requests wins, with many clients, and what it costs a single one; in
C++, in Java, and in Python beside other hosts that make batches.

The processor does one thing at a time, as a GPU does: a call takes 2 ms, and 0.1 ms for each request in it. So one by
one it can answer 476 requests/s, and 4,444 in batches of 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from measuring import wrk
from measuring.table import Line, Subject, Table, figure, ratio
from measuring.wrk import Load
from servers import builds
from servers.ours import host
from servers.peer import Demand
from servers.server import Running, Server
from tables.served import served

NAME: Final = "batches"
LARGEST: Final = 16
"""Requests in a batch: the default of --max-batch-size, which is EAS's."""
_CLIENTS: Final = (32, 1)
_FORMS: Final = {
    "off": (),
    "adaptive": ("--batching", "adaptive"),
    "adaptive, one thread": ("--batching", "adaptive", "--worker-threads", "1"),
    "fixed": ("--batching", "fixed"),
}
_JAVA: Final = {"java, unbatched": "off", "java, adaptive": "adaptive"}
_PYTHON: Final = {"python, unbatched": "off", "python, adaptive": "adaptive"}
_COLUMNS: Final = (
    figure("rate", "requests/s", 0, drawn=True),
    ratio("rate", "of unbatched"),
    figure("p50_ms", "p50 ms", 2, drawn=True),
    figure("p99_ms", "p99 ms", 2),
    figure("cpu_us", "CPU µs/request", 1),
)


def demand() -> Demand:
    """
    Return what another host is to serve in this table.
    """
    return Demand(max(_CLIENTS), 0, LARGEST)


def batches_table(peers: Sequence[Server], seconds: int, warm_up: int) -> Table:
    """
    Describe the table, with *peers* in it.
    """
    subject = partial(_subject, seconds=seconds, warm_up=warm_up)
    subjects = [
        *(subject(cpp_server(form, options), form, "off") for form, options in _FORMS.items()),
        *(subject(_java(form, mode), form, "java, unbatched") for form, mode in _JAVA.items()),
        *(subject(_python(form, mode), form, "python, unbatched") for form, mode in _PYTHON.items()),
        *(subject(peer, peer.name, "python, unbatched") for peer in peers),
    ]
    title = f"2 ms for each call and 0.1 ms for each request in it, one call at a time; batches of up to {LARGEST}"
    return Table(NAME, title, subjects, _COLUMNS)


def cpp_server(form: str, options: Sequence[str]) -> Server:
    """
    Describe the host with the processor in C++, in the *form* of these *options*.
    """
    return host(form, builds.library("batches"), *options, prepare=partial(builds.build_library, "batches"))


def _java(form: str, mode: str) -> Server:
    return host(form, builds.jar("Batches"), "--batching", mode, prepare=partial(builds.build_jar, "Batches"))


def _python(form: str, mode: str) -> Server:
    return host(form, builds.SOURCES / "batches.py", "--batching", mode)


def _subject(server: Server, form: str, against: str, seconds: int, warm_up: int) -> Subject:
    def warm(running: Running) -> None:
        if warm_up:
            wrk.measure(running, Load(_CLIENTS[0], 32), warm_up)

    def measure(running: Running) -> list[Line]:
        samples = {clients: wrk.measure(running, Load(clients, 32), seconds) for clients in _CLIENTS}
        return [
            Line(server.name, f"{form}, {_count(clients)}", sample, f"{against}, {_count(clients)}")
            for clients, sample in samples.items()
        ]

    return served(server, warm, measure)


def _count(clients: int) -> str:
    return "one client" if clients == 1 else f"{clients} clients"
