"""
`--hang-timeout`: a worker with a call that never ends is replaced, and the next one is ready before it goes.
"""

from __future__ import annotations

import json

import pytest

from support import proc
from support.columns import LANGUAGES
from support.gate import Gate
from support.host import Host, StartHost

QUICK = 300  # milliseconds
NOBODY_WAITS = r"worker 0: a call runs on \d+ s after nobody waited for it \(--hang-timeout\)"


def deaths(host: Host) -> dict[str, int]:
    counts: dict[str, int] = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["worker_deaths"]
    return counts


def hang(host: Host, gate: Gate) -> None:
    """Makes a call that never ends, and waits for its 408."""
    with host.ask(gate.command()) as client:
        assert client.read().status == 408


@pytest.mark.parametrize("language", LANGUAGES)
def test_worker_with_an_endless_call_is_replaced_without_a_gap(start: StartHost, gate: Gate, language: str) -> None:
    """Its other threads answer until another worker is ready; no request notices the change."""
    host = start(language, worker_threads=3, keepalive=QUICK, hang_timeout=0.2)
    host.allow_log("hang-timeout")
    (before,) = host.workers()
    watch = proc.Watch(before)
    hang(host, gate)
    statuses = set()
    with host.connect() as client:
        while not watch.wait(0):
            statuses.add(client.call(b"meanwhile", host.path).status)
    host.wait_for_log(NOBODY_WAITS + "; worker 1 takes its place as soon as it is ready")
    host.wait_for_log(
        "worker 0: the host has killed the worker process while it ran POST .*; another one has taken its place"
    )
    assert statuses == {200}
    (after,) = host.workers()
    assert after != before
    assert host.call(b"next").body == b"next"
    assert deaths(host) == {"unresponsive": 1}


def test_each_of_several_hanging_workers_is_replaced(start: StartHost, gate: Gate) -> None:
    """There is room for one worker more than there are, so the second waits for the first."""
    host = start(worker_processes=2, worker_threads=2, keepalive=QUICK, hang_timeout=0.2)
    host.allow_log("hang-timeout")
    before = host.workers()
    watches = [proc.Watch(pid) for pid in before]
    while not set(before) <= {event.pid for event in gate.events}:  # a successor may take some of these calls
        hang(host, gate)
        gate.catch_up()
    assert all(watch.wait() for watch in watches)
    while host.call(b"next").status != 200 or len(host.workers()) != 2:
        pass
    assert set(before).isdisjoint(host.workers())


def test_zero_means_never(start: StartHost, gate: Gate) -> None:
    """The worker goes on with one thread fewer, until none is left."""
    host = start(worker_threads=2, keepalive=QUICK, hang_timeout=0)
    host.allow_log("threads are stuck")
    hang(host, gate)
    assert host.call(b"meanwhile").body == b"meanwhile"
    hang(host, gate)
    host.wait_for_log("all 2 threads are stuck")
    assert "hang-timeout" not in host.new_log()
