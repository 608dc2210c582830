"""
Torture with batches, asynchronous calls and answers in parts: workers die at random instants, by a kill from outside or
by what one request does to them, while clients of all kinds ask for answers that can be told apart byte by byte
(support/numbered.py).

Each request is answered once, and with its own bytes. An answer that has begun is cut if its worker dies, between two
chunks, and only then; what has not begun runs again. One bad input costs one answer.

The normal run is short. EAS_HOST_TORTURE_SECONDS=60 runs each test here for that long; EAS_HOST_TORTURE_SEED=7 makes
other random numbers than the usual ones.
"""

from __future__ import annotations

import json
import os
import signal
import time
from random import Random
from typing import NamedTuple

import pytest

from support import LONG, TIMEOUT, proc, seeded_rng
from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.numbered import Deaths, NumberedClients

pytestmark = [pytest.mark.torture, pytest.mark.real_starts]

SECONDS = float(os.environ.get("EAS_HOST_TORTURE_SECONDS", "0"))
SEED = os.environ.get("EAS_HOST_TORTURE_SEED", "")
KILLS = 4
ANSWERS = 100  # at least, beside the kills or the poison
POISONED = 12  # one request in so many


class Form(NamedTuple):
    """A way to answer: a processor, and the options of its host."""

    name: str
    language: str
    source: str
    batching: str = "off"
    in_parts: bool = True

    def __str__(self) -> str:
        return self.name


FORMS = [
    Form("cpp-async", "cpp", "async"),
    Form("cpp-batch", "cpp", "batch", "adaptive", in_parts=False),
    Form("java-iterator", "java", "NumbersIterated"),
    Form("java-stream", "java", "NumbersRead"),
    Form("java-publisher", "java", "NumbersPublished"),
    Form("java-future", "java", "NumbersLater", in_parts=False),
    Form("java-batch", "java", "NumbersBatched", "adaptive", in_parts=False),
    Form("python-generator", "python", "numbered.py"),
    Form("python-batch", "python", "numbered.py", "adaptive"),
    Form("python-async", "python", "async_numbered.py"),
]


class Setup(NamedTuple):
    """How many workers there are, and the threads of each."""

    workers: int
    threads: int

    def __str__(self) -> str:
        return f"{self.workers}-{self.threads}"


SETUPS = [Setup(1, 5), Setup(2, 1)]


def each_form(first: int) -> pytest.MarkDecorator:
    """Runs a test with each form: in each setup if it runs for long, else in one, the *first* of them in turn."""
    pairs = [(form, SETUPS[(first + number) % len(SETUPS)]) for number, form in enumerate(FORMS)]
    if SECONDS:
        pairs = [(form, setup) for form in FORMS for setup in (*SETUPS, Setup(1, 1))]
    return pytest.mark.parametrize(("form", "setup"), pairs, ids=str)


@pytest.fixture
def host(start: StartHost, builder: ProcessorBuilder, form: Form, setup: Setup) -> Host:
    """One of that form, set up so."""
    if form.language == "cpp":
        entry = builder.cpp("numbered", *(["-DIN_PARTS"] if form.source == "async" else []))
    elif form.language == "java":
        entry = builder.jar(form.source, "Numbers")
    else:
        entry = builder.python(form.source)
    return start(
        form.language,
        entry,
        keepalive=LONG,
        batching=form.batching,
        worker_processes=setup.workers,
        worker_threads=setup.threads,
    )


class Killer:
    """
    Kills workers of *host*, after a random number of answers and some microseconds more: at once, or after they were
    stopped for as long as the host answers some pings, or while the front is stopped, which then finds all at once that
    the worker did. Some of those that were stopped go on.
    """

    def __init__(self, host: Host, clients: NumberedClients, deaths: Deaths, rng: Random) -> None:
        self.kills = 0
        self._host = host
        self._clients = clients
        self._deaths = deaths
        self._rng = rng

    def once(self) -> None:
        self._clients.wait_answers(self._rng.choice((3, 10, 30)))
        while not (alive := self._host.workers()):
            self._clients.wait_answers(0)
        self._wait_an_instant()
        victim = self._rng.choice(alive)
        way = self._rng.choice(("kill", "kill", "stop and kill", "stop", "kill unseen"))
        if way.startswith("stop"):
            # The front waits for a child that it has begun to start, as fork and exec do.
            if proc.command_line(victim) == proc.command_line(self._host.pid):
                return
            self._stop(victim)
        if way == "stop":
            os.kill(victim, signal.SIGCONT)
            return
        if way == "kill unseen":
            self._host.send_signal(signal.SIGSTOP)
            proc.wait_stopped(self._host.pid)
            self._wait_an_instant()
        with self._deaths.one():
            try:
                self._host.kill_worker(victim)
            finally:
                self._host.send_signal(signal.SIGCONT)
        self.kills += 1

    def _wait_an_instant(self) -> None:
        """Up to 2 ms: anything may be under way after them."""
        instant = time.perf_counter_ns() + self._rng.randrange(2_000_000)
        while time.perf_counter_ns() < instant:
            pass

    def _stop(self, victim: int) -> None:
        os.kill(victim, signal.SIGSTOP)
        proc.wait_stopped(victim)
        for _ in range(self._rng.randrange(10)):
            assert self._host.call(None, "/api/builtin/ping", "GET").status == 200


def wait_idle(host: Host) -> None:
    """Waits until no request is under way: none has been forgotten in the ring."""
    limit = time.monotonic() + TIMEOUT
    busy = True
    while busy:
        counters = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)
        busy = bool(counters["busy_workers"] or counters["queue_length"])
        assert time.monotonic() < limit, f"requests are left: {counters}"


@each_form(0)
def test_kills_cut_what_has_begun_and_nothing_else(host: Host, form: Form, setup: Setup) -> None:
    """All other requests are answered, each with its own bytes."""
    host.allow_log("SIGKILL")
    seed = f"{SEED} {form} {setup}"
    deaths, end = Deaths(), time.monotonic() + SECONDS
    with NumberedClients(host, deaths, seed) as clients:
        killer = Killer(host, clients, deaths, seeded_rng(seed))
        while killer.kills < KILLS or sum(clients.ends.values()) < ANSWERS or time.monotonic() < end:
            killer.once()
        clients.wait_answers(20)
    clients.check()
    wait_idle(host)
    assert clients.ends["whole"], clients.ends
    assert form.in_parts or not clients.ends["cut"], clients.ends
    assert clients.ends["cut"] or not (form.in_parts and SECONDS), "no kill has met an answer that had begun"


@each_form(1)
def test_poison_costs_its_own_answer_and_cuts_what_has_begun(host: Host, form: Form, setup: Setup) -> None:
    """What crashes its process, or fails, runs beside others, or in one batch with them."""
    host.allow_log(".")  # crashes, and failures
    deaths, end = Deaths(), time.monotonic() + SECONDS
    with NumberedClients(host, deaths, f"{SEED} {form} {setup}", poisoned=POISONED) as clients:
        while sum(clients.ends.values()) < ANSWERS or time.monotonic() < end:
            clients.wait_answers(20)
    clients.check()
    wait_idle(host)
    assert clients.ends["whole"], clients.ends
