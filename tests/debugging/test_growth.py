"""
A worker that leaks is told of, once; one that keeps no more than it needs is not.

The host looks once a second, so a leak takes some seconds to be seen, but for one that the first requests show.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.cgroup import control_group
from support.command import run
from support.failures import Failure, build, check_failure
from support.host import Host, StartHost
from support.ulimit import set_for_hosts

pytestmark = pytest.mark.real_starts

KIB, MIB = 2**10, 2**20
MANY = 20_000
KEEPS = "the processor keeps what it allocates for a request"
GROWTH = re.compile(r"worker 0: its \w+( descriptors)? grow")


def serve(start: StartHost, builder: ProcessorBuilder) -> Host:
    return start(entry=builder.cpp("broken/grows"), processor_type="cpp")


def call_until(host: Host, body: bytes, *patterns: str) -> int:
    """Calls with *body* until the log has each of *patterns*, at most `MANY` times; returns the number of calls."""
    calls = 0
    with host.connect() as client:
        while not all(re.search(pattern, host.new_log()) for pattern in patterns):
            assert client.call(body, host.path).status == 200
            calls += 1
            assert calls < MANY, host.new_log()
    return calls


def resident(host: Host) -> int:
    """The memory of its worker."""
    (worker,) = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["workers"]
    size: int = worker["resident_bytes"]
    return size


def growths(host: Host) -> list[str]:
    return [line for line in host.new_log().splitlines() if GROWTH.search(line)]


def leaks(language: str, source: str, body: bytes) -> Failure:
    """A processor that keeps 4 MiB at each of thirty requests."""
    line = rf"its memory grows by 4\.\d MiB a request since request \d \(now [\d.]+ MiB\): {KEEPS}, or fills a cache"
    return Failure(language, source, 200, log=[rf"\[WARNING\] worker 0: {line}"], lines=1, bodies=[body] * 30)


LEAKS = [leaks("cpp", "broken/grows", b"leak:%d" % (4 * MIB)), leaks("python", "broken/calls.py", b"keep")]


@pytest.mark.parametrize("row", LEAKS, ids=str)
def test_large_leak_is_told_after_thirty_requests(builder: ProcessorBuilder, tmp_path: Path, row: Failure) -> None:
    check_failure(row, build(builder, row, row.id), row.id, tmp_path)


@pytest.mark.parametrize("row", LEAKS, ids=str)
def test_large_leak_is_told_by_invoke(builder: ProcessorBuilder, row: Failure) -> None:
    ended = run("invoke", build(builder, row, row.id), "-n", "30", "--data-binary", row.bodies[0].decode())
    assert ended.code == 0, ended.stderr
    assert len(re.findall(row.log[0], ended.stderr)) == 1, ended.stderr


def test_large_leak_of_calls_that_run_at_once_is_told(start: StartHost, builder: ProcessorBuilder) -> None:
    """Whatever they hold while they run: only the moments when none runs count."""
    host = start(entry=builder.cpp("broken/grows"), processor_type="cpp", worker_threads=2)
    for _ in range(30):
        with host.ask(b"leak:%d" % (2 * MIB)) as first, host.ask(b"leak:%d" % (2 * MIB)) as second:
            assert [first.read().status, second.read().status] == [200, 200]
    host.wait_for_log(rf"its memory grows by 2\.0 MiB a request since request \d+ .*{KEEPS}, or fills a cache")


@pytest.mark.parametrize(
    ("body", "flags", "threads", "told"),
    [
        (b"warm:%d" % (4 * MIB), [], 5, 1),
        (b"warm:%d" % (4 * MIB), [], 40, 0),
        (b"free:%d" % (4 * MIB), [], 5, 0),
        (b"free:%d" % (4 * MIB), ["-fsanitize=address"], 5, 0),
        (b"grow:%d" % (900 * KIB), [], 5, 0),
    ],
    ids=["cache", "each-thread-once", "freed", "freed-and-kept-by-asan", "little"],
)
def test_first_requests_that_warm_up_are_no_leak(
    start: StartHost, builder: ProcessorBuilder, body: bytes, flags: list[str], threads: int, told: int
) -> None:
    """Each of many threads may take a lot, once; AddressSanitizer keeps what was freed."""
    host = start(entry=builder.cpp("broken/grows", *flags), processor_type="cpp", worker_threads=threads)
    for _ in range(130):
        assert host.call(body).status == 200
    host.stop()
    assert len(growths(host)) == told


@pytest.mark.parametrize(("size", "wait", "told"), [(4 * KIB, 1, r"(4\.\d|3\.9)"), (100 * KIB, 5, r"(9\d|10\d)\.\d")])
def test_leak_of_memory_is_told(start: StartHost, builder: ProcessorBuilder, size: int, wait: int, told: str) -> None:
    host = serve(start, builder)
    line = rf"its memory grows by {told} KiB a request since request \d+ \(now [\d.]+ MiB\): {KEEPS}"
    assert call_until(host, b"leak:%d wait:%d" % (size, wait), rf"\[WARNING\] worker 0: {line}") > 1000


def test_leaks_of_descriptors_and_threads_are_told_once(start: StartHost, builder: ProcessorBuilder) -> None:
    host = serve(start, builder)
    descriptors = r"worker 0: its open descriptors grow by (2\.0|1\.9) a request since request \d+ \(now [\d,]+\)"
    threads = r"worker 0: its threads grow by (1|1\.0|0\.9\d?) a request since request \d+ \(now [\d,]+\)"
    calls = call_until(
        host,
        b"descriptors:2 threads:1 wait:5",
        f"{descriptors}: the processor does not close what it opens for a request",
        f"{threads}: the processor starts threads that do not end",
    )
    with host.connect() as client:
        for _ in range(calls):
            client.call(b"descriptors:2 wait:5", host.path)
    told = [line for line in growths(host) if "memory" not in line]  # the stacks of the threads are memory, too
    assert len(told) == 2


def test_leak_that_heads_for_the_limit_is_told_before_a_thousand_requests(
    start: StartHost, builder: ProcessorBuilder
) -> None:
    with control_group("memory") as group, group.inside():
        group.limit_memory(1024 * MIB)
        host = serve(start, builder)
        for _ in range(80):  # then its first requests are over
            assert host.call(b"").status == 200
        # Between two looks a request may be counted whose memory is not there yet, one of forty; on a busy machine also
        # some of those before, where a look came among them.
        grows = r"its memory grows by (3\.\d|4\.0) MiB a request since request \d+ \(now \d+\.\d MiB\)"
        line = rf"worker 0: {grows}: {KEEPS}"
        assert call_until(host, b"leak:%d wait:40" % (4 * MIB), line) < 250
        host.stop()


def test_last_descriptors_are_told_at_once(
    start: StartHost, builder: ProcessorBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three calls take nearly all, the fourth fails."""
    set_for_hosts(monkeypatch, "-n 1024")
    host = serve(start, builder)
    host.allow_log("Too many open files")
    statuses = [host.call(b"descriptors:300").status for _ in range(4)]
    assert statuses == [200, 200, 200, 400]
    host.wait_for_log(
        r"worker 0: 1,024 of the 1,024 descriptors that it may have are open \(ulimit -n\): does the processor close"
        " what it opens for a request\\?"
    )


def test_worker_that_warms_up_caches_and_collects_is_no_leak(start: StartHost, builder: ProcessorBuilder) -> None:
    """Its descriptors do grow, and are told of once the host has seen enough of its memory, too."""
    host = serve(start, builder)
    body = b"grow:%d cache:%d heap:%d wait:2" % (200 * KIB, 200 * KIB, 500 * KIB)
    with host.connect() as client:
        for _ in range(2500):
            assert client.call(body, host.path).status == 200
    call_until(host, body + b" descriptors:1", "its open descriptors grow")
    assert len(growths(host)) == 1


def test_heap_of_a_jvm_that_fills_is_no_leak(start: StartHost) -> None:
    """Each call makes some garbage, which stays in the heap until the JVM collects it."""
    host = start("java")
    before = resident(host)
    with host.connect() as client:
        while resident(host) < before + 120 * MIB:
            for _ in range(100):
                assert client.call(bytes(10_000), host.path).status == 200
    assert growths(host) == []
