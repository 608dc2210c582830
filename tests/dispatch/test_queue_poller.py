"""
While requests wait behind busy threads the front sleeps, and misses no event.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from support import LONG
from support.gate import Gate
from support.host import Host, StartHost

pytestmark = pytest.mark.real_starts

SECONDS = 2.0


def processor_seconds(host: Host) -> float:
    """What the front has spent on a core so far."""
    return int(Path(f"/proc/{host.pid}/schedstat").read_text().split()[0]) / 1e9


def test_waiting_requests_cost_under_1_percent_of_a_core(start: StartHost, gate: Gate) -> None:
    """Every answer comes afterwards."""
    host = start(worker_threads=2, keepalive=LONG)
    with ExitStack() as clients:
        held = [clients.enter_context(host.ask(gate.command(b"held"))) for _ in range(2)]
        gate.wait_entered(2)
        waiting = [clients.enter_context(host.ask(b"%d" % number)) for number in range(40)]
        host.wait_queue(40)
        before = processor_seconds(host)
        assert waiting[0].waits_for_an_answer(SECONDS)
        assert processor_seconds(host) - before < SECONDS / 100
        gate.release()
        assert [client.read().body for client in waiting] == [b"%d" % number for number in range(40)]
        gate.release()
        assert {client.read().body for client in held} == {b"held"}
    assert host.call(b"next").body == b"next"
