"""
`--crash-block` (`runtime.enable_crash_block`): a worker that crashed stays down, with the scene, for its author to see.
"""

from __future__ import annotations

from conftest import StartHost
from support.gate import Gate
from support.wire import command

WHY = "runtime.enable_crash_block"


def test_nobody_takes_requests_any_more(start: StartHost) -> None:
    """The request that did it answers 500, later ones 503 with the reason; the host lives on."""
    host = start("cpp", crash_block=True)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    answer = host.call(b"anybody there?")
    assert answer.status == 503
    assert WHY in answer.text
    assert host.workers() == []
    assert host.call(None, "/api/builtin/ping?ready=true", "GET").status == 503


def test_what_waits_is_told(start: StartHost, gate: Gate) -> None:
    """A request in the queue and one that ran beside the crash are answered 503, at once."""
    host = start("cpp", crash_block=True, worker_threads=2, keepalive=120_000)
    host.allow_log(WHY)
    with host.ask(gate.command(b"beside")) as beside, host.ask(gate.command(b"also")) as also:
        gate.wait_entered(2)
        with host.ask(command("die", "segv")) as waiting:
            host.wait_queue(1)
            gate.release()
            answers = [client.read().status for client in (beside, also, waiting)]
    assert answers.count(500) == 1
    assert set(answers) <= {200, 500, 503}


def test_other_workers_go_on(start: StartHost) -> None:
    host = start("cpp", crash_block=True, worker_processes=2)
    host.allow_log(WHY)
    assert host.call(command("die", "segv")).status == 500
    assert len(host.workers()) == 1
    assert host.call(b"anybody there?").body == b"anybody there?"


def test_a_kill_from_outside_is_no_crash(start: StartHost) -> None:
    """What somebody else has ended is replaced."""
    host = start("cpp", crash_block=True)
    host.allow_log("SIGKILL")
    host.kill_worker()
    assert host.call(b"anybody there?").body == b"anybody there?"
