"""
Broken processors under load: each failure costs exactly its own request.

A host with two worker processes serves good requests all the time, as many as it can run, and each bad one is sent
twice at once beside them. Every good one is answered 200 with its own body, each bad one as its row of a table says,
and no more processes die than must.

Some rows of the tables have no place here, each for one of these reasons:

- What breaks is what all calls of a process share, so other requests do suffer: the heap of a JVM that is full, a heap
  of C++ that was overrun and is found damaged by whichever call comes next, the working directory, descriptors and
  memory that leak.
- There are no good requests beside the bad ones: the processor cannot be loaded, or none of its calls can succeed, as
  where `process` is missing or takes no parameter.
- It is the same failure in another way of building or starting: without debug information, optimised, in the host's
  own process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from support.build import ProcessorBuilder
from support.failures import Failure
from support.host import Host
from support.load_run import LoadRun

AT_ONCE = 2
"""How many of the same bad requests are sent."""
CONNECTIONS = 8
"""Of clients that send good ones."""
NO_DEATH = (0, 0)
UNNAMED = (AT_ONCE + 1, 3 * AT_ONCE)
"""
The first death, of one or of both, names none of its requests. Each that was to blame then ends a process alone, and
one more if it was not the first that this process ran.
"""
OPTIONS = {"worker_processes": 2, "worker_threads": 2, "keepalive": 120_000}
HANG_OPTIONS = {"worker_processes": 2, "worker_threads": 3, "keepalive": 3000, "hang_timeout": 1}


class BadRequest(NamedTuple):
    """
    A request that fails, its status, what its answer says, how many processes it may cost, least and most, and how many
    are sent at once.
    """

    id: str
    body: bytes
    status: int
    answer: Sequence[str] = ()
    deaths: tuple[int, int] = NO_DEATH
    at_once: int = AT_ONCE


def bad_request(row: Failure, processor: str = "", *, named: bool = True, at_once: int = AT_ONCE) -> BadRequest:
    """
    The request of *row*; to a switchboard, where the name of its *processor* there comes first. *named*: whether its
    death tells that it was the cause.
    """
    prefix = f"{processor}:".encode() if processor else b""
    deaths = ((at_once, at_once) if named else UNNAMED) if row.status == 500 else NO_DEATH
    answer = [pattern for pattern in row.answer if "the size of the input" not in pattern]  # which is another here
    return BadRequest(row.id, prefix + row.bodies[-1], row.status, answer, deaths, at_once)


def switchboard(builder: ProcessorBuilder, libraries: Mapping[str, Path], *flags: str) -> dict[str, str | Path]:
    """
    The options of a host that has *libraries*, processors by their names, in one process. *flags* are the compiler's.
    """
    config = "\n".join(f"{name} {path}" for name, path in libraries.items())
    return {"entry": builder.cpp("switchboard", *flags), "model_config": config}


def check_each_costs_itself(host: Host, requests: Sequence[BadRequest]) -> None:
    """Sends *requests*, one kind after the other, to *host*, which has OPTIONS."""
    host.allow_log("")
    with _load(host) as load:
        for request in requests:
            before = sum(_deaths(host).values())
            _fail_at_once(host, [request] * request.at_once)
            least, most = request.deaths
            assert least <= sum(_deaths(host).values()) - before <= most, f"{request.id}: {_deaths(host)}"
        while len(host.workers()) < 2:
            load.wait_answers(10)
        load.wait_answers(100)
        load.finish().check()
    assert set(_deaths(host)) <= {"crash", "exit"}


def check_hangs_cost_themselves(host: Host, requests: Sequence[BadRequest]) -> None:
    """Sends *requests*, which hang, all at once to *host*, which has HANG_OPTIONS, until a worker is replaced."""
    host.allow_log("")
    with _load(host) as load:
        load.wait_answers(10)
        _fail_at_once(host, requests)
        host.wait_for_log("the host has killed the worker process.*another one has taken its place")
        load.wait_answers(100)
        load.finish().check()
    assert set(_deaths(host)) == {"unresponsive"}


def _load(host: Host) -> LoadRun:
    return LoadRun(host, connections=CONNECTIONS, plan="text", report=10)


def _deaths(host: Host) -> dict[str, int]:
    counts: dict[str, int] = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["worker_deaths"]
    return counts


def _fail_at_once(host: Host, requests: Sequence[BadRequest]) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(host.ask(request.body)) for request in requests]
        for client, request in zip(clients, requests, strict=True):
            answer = client.read()
            assert answer.status == request.status, f"{request.id}: {answer}"
            for pattern in request.answer:
                assert re.search(pattern, answer.body.decode(errors="replace")), f"{request.id}: {answer}"
