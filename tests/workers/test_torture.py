"""
Torture: workers die at random instants under load, and nobody notices.

Every request has a body of its own, and the load client (support/load_client.py) keeps a record: each is answered
exactly once, with its own answer, and none is 500 unless it is the one that crashes on purpose. Afterwards
the host holds what it held before.

The normal run is short. EAS_HOST_TORTURE_SECONDS=60 runs each test here for that long and demands more: 100
kills, 1,000,000 requests.
"""

from __future__ import annotations

import os
import time

import pytest

from support import TIMEOUT, proc, seeded_rng
from support.build import ProcessorBuilder
from support.host import Host, StartHost, Value
from support.load_run import LoadRun, Summary
from support.never_reads import NeverReads
from support.wire import ConnectionEnded, command

pytestmark = [pytest.mark.torture, pytest.mark.real_starts]

SECONDS = float(os.environ.get("EAS_HOST_TORTURE_SECONDS", "0"))
FULL = SECONDS > 0
KILLS = 100 if FULL else 12
LEAK_REQUESTS = 1_000_000 if FULL else 50_000
LONG = 60_000  # milliseconds: what runs again must not fail for want of time on a slow machine
MIB = 1024  # in the KiB of /proc


def called(builder: ProcessorBuilder, function: str) -> dict[str, Value]:
    """The options of a host that calls this function of a processor in C++."""
    if function == "async_process":
        return {"entry": builder.cpp("answers_later")}
    return {"batching": "adaptive" if function == "batch_process" else "off"}


def all_holdings(host: Host) -> tuple[proc.Holdings, list[proc.Holdings]]:
    """What the front and the workers hold."""
    return host.settled(), [proc.holdings(pid) for pid in host.workers()]


def settled_holdings(host: Host, descriptors: int) -> proc.Holdings:
    """
    The front's holdings, once a worker that was replaced is as far as the one before: it has as many *descriptors*.
    """
    assert host.call(b"a worker").body == b"a worker"
    for _ in range(100):
        now = host.settled()
        if now.descriptors == descriptors:
            break
    return now


def warm_up(host: Host) -> proc.Holdings:
    """Ordinary load from as many connections, after which nothing is made for the first time."""
    with LoadRun(host, connections=32, count=5000) as load:
        load.wait_end().check()
    return host.settled()


def holds_as_much_as_before(host: Host, before: proc.Holdings, workers: int) -> None:
    """Demands the memory, descriptors, threads and processes of *before*, once all workers are replaced."""
    while len(host.workers()) < workers:
        assert host.call(b"a turn").body == b"a turn"
    after = settled_holdings(host, before.descriptors)
    assert after.descriptors == before.descriptors
    assert after.threads == before.threads
    assert len(host.workers()) == workers
    assert after.anonymous - before.anonymous < 8 * MIB, (before, after)


@pytest.mark.parametrize("how", ["process", "batch_process", "async_process"])
@pytest.mark.parametrize("workers", [1, 2])
def test_kills_of_cpp_workers_neither_lose_nor_duplicate_requests(
    start: StartHost, builder: ProcessorBuilder, workers: int, how: str
) -> None:
    """
    kill -9 of a random worker, again and again, after a random number of answers: no request is lost, answered twice,
    wrong, or 500.
    """
    host = start(keepalive=LONG, worker_processes=workers, **called(builder, how))
    host.allow_log("SIGKILL")
    before = warm_up(host)
    rng = seeded_rng(workers)
    kills, end = 0, time.monotonic() + SECONDS
    with LoadRun(host, connections=32, report=50) as load:
        while kills < KILLS or time.monotonic() < end:
            load.wait_answers(rng.choice([50, 100, 500, 2000]))
            while not (alive := host.workers()):  # the last one is dead, the next one not yet born
                load.wait_answers(50)
            host.kill_worker(rng.choice(alive))
            kills += 1
        load.wait_answers(500)
        summary = load.finish()
    summary.check()
    assert set(summary.statuses) == {"200"}
    holds_as_much_as_before(host, before, workers)


@pytest.mark.parametrize(
    ("how", "function"),
    [
        ("segv", "process"),
        ("abort", "process"),
        ("_exit:1", "process"),
        ("segv", "batch_process"),
        ("segv", "async_process"),
    ],
)
def test_only_the_crashing_requests_answer_500_under_load(
    start: StartHost, builder: ProcessorBuilder, how: str, function: str
) -> None:
    """One request in 1,000 ends its worker: all others answer 200 with their own bytes."""
    host = start(keepalive=LONG, **called(builder, function))
    host.allow_log("SIGSEGV|SIGABRT|exit")
    assert host.call(command("die", how)).status == 500  # the symbolizer starts with the first crash, and stays
    before = warm_up(host)
    summary = crash_for(host, how, SECONDS or 1, 8)
    summary.check()
    assert summary.statuses["500"] == summary.asked // 1000
    assert set(summary.statuses) == {"200", "500"}
    holds_as_much_as_before(host, before, 1)


def crash_for(host: Host, how: str, seconds: float, crashes: int) -> Summary:
    """Load with a crash in each 1,000 requests, for at least so many *seconds* and *crashes*."""
    answers, end = 0, time.monotonic() + seconds
    with LoadRun(host, connections=32, die=how, every=1000, report=500) as load:
        while answers < crashes * 1000 or time.monotonic() < end:
            load.wait_answers(500)
            answers += 500
        return load.finish()


@pytest.mark.parametrize("batching", ["off", "adaptive"])
@pytest.mark.parametrize("language", ["java", "python"])
def test_kills_of_java_and_python_workers_neither_lose_nor_duplicate_requests(
    start: StartHost, language: str, batching: str
) -> None:
    """The kills come at random instants; these workers take longer to start."""
    host = start(language, keepalive=LONG, batching=batching)
    host.allow_log("SIGKILL")
    before = warm_up(host)
    rng = seeded_rng(language)
    with LoadRun(host, connections=32, report=50) as load:
        for _ in range(20 if FULL else 4):
            load.wait_answers(rng.choice([50, 200, 1000]))
            while not host.workers():
                load.wait_answers(50)
            host.kill_worker()
        load.wait_answers(200)
        summary = load.finish()
    summary.check()
    assert set(summary.statuses) == {"200"}
    holds_as_much_as_before(host, before, 1)


def test_memory_does_not_grow_under_mixed_load(start: StartHost) -> None:
    """Requests of mixed size, up to 3 MiB: front and worker hold at the end what they held after the first
    10,000."""
    host = start(keepalive=LONG)
    with LoadRun(host, connections=16, plan="mixed", count=10_000, report=1000) as load:
        load.wait_end(600).check()
    front, (worker,) = all_holdings(host)
    with LoadRun(host, connections=16, plan="mixed", count=LEAK_REQUESTS, report=1000) as load:
        load.wait_end(3600).check()
    front_after, (worker_after,) = settled_holdings(host, front.descriptors), all_holdings(host)[1]
    assert front_after.descriptors == front.descriptors
    for before, after in ((front, front_after), (worker, worker_after)):
        assert after.anonymous - before.anonymous < 8 * MIB, (before, after)
        assert after.shared - before.shared < 32 * MIB, (before, after)
        assert after.threads == before.threads


def test_client_that_never_reads_its_answer_is_cut_off(never_reads: NeverReads) -> None:
    """The answer is dropped with the connection."""
    host, client, descriptors = never_reads
    limit = time.monotonic() + TIMEOUT
    while proc.holdings(host.pid).descriptors > descriptors and time.monotonic() < limit:
        client.wait_hang_up(0.2)  # need not come: what the kernel holds for the client is in its way
    assert proc.holdings(host.pid).descriptors <= descriptors
    with pytest.raises((ConnectionEnded, ConnectionResetError)):
        client.read()
    assert host.call(b"next").body == b"next"
