"""
Requests that the data plane has under way are handed up wherever something becomes of them.
"""

from __future__ import annotations

import json
import signal

import pytest

from support import LONG
from support.gate import Gate
from support.planes import Known, StartPlane, ask, direct, put
from support.signing import md5, sign
from support.wire import command, request

QUICK = 400  # milliseconds
WORD = "secret"


def signature(body: bytes, word: str) -> list[tuple[str, str]]:
    digest = md5(body)
    signed = sign(word, "/api/predict/contract", digest, "", "today")
    return [("Date", "today"), ("Content-MD5", digest), ("Authorization", signed)]


def test_client_that_closes_its_half_is_answered(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin()
    client = known(host)
    ask(client, gate.command(b"answer")).half_close()
    gate.wait_entered()
    gate.release()
    assert client.read().body == b"answer"
    assert client.is_closed()


def test_client_that_leaves_is_logged_as_499(begin: StartPlane, known: Known, gate: Gate) -> None:
    """A request that waits is not run any more."""
    host = begin(worker_threads=1)
    held, waiting = known(host), known(host)
    ask(held, gate.command(b"held"))
    gate.wait_entered()
    ask(waiting, gate.command(b"waiting"))
    host.wait_queue(1)
    for client in (waiting, held):
        client.reset()
    host.wait_for_log(r"499: 127\.0\.0\.1: .* after \d+ ms, before the answer to POST", times=2)
    gate.release()
    assert host.call(b"next").body == b"next"
    assert [event.body for event in gate.catch_up() if event.kind == "enter"] == ["held"]
    assert b'status="499"} 2.0' in host.call(path="/api/builtin/metrics", method="GET").body


def test_late_answers_are_408_in_the_order_of_the_requests(begin: StartPlane, known: Known, gate: Gate) -> None:
    """Those with a known head and others; nobody waits for longer than the next deadline."""
    host = begin(worker_threads=1, keepalive=QUICK)
    clients = [known(host), known(host)]
    ask(clients[0], gate.command(b"held"))
    gate.wait_entered()
    with host.ask(b"new") as new:
        ask(clients[1], b"waiting")
        assert [client.read().status for client in (clients[0], new, clients[1])] == [408, 408, 408]
        assert clients[0].is_closed()
    gate.release()
    with host.connect() as client:
        assert ask(client, b"next").read().body == b"next"


def test_new_time_limit_is_for_requests_under_way_too(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin(worker_threads=2)
    client = known(host)
    ask(client, gate.command(b"held"))
    gate.wait_entered()
    put(host, "rpc.keepalive", "10")
    assert client.read().status == 408
    put(host, "rpc.keepalive", "60000")
    gate.release()


@pytest.mark.parametrize("how", ["segv", "exit:3"])
def test_crash_costs_its_own_request_alone(begin: StartPlane, known: Known, gate: Gate, how: str) -> None:
    """What runs and waits beside it is answered by the next worker."""
    host = begin(worker_threads=2, keepalive=LONG)
    held, culprit, waiting = known(host), known(host), known(host)
    ask(held, gate.command(b"held"))
    gate.wait_entered()
    ask(culprit, command("die", how))
    ask(waiting, b"waiting")
    assert culprit.read().status == 500
    gate.release(2)
    assert held.read().body == b"held"
    assert waiting.read().body == b"waiting"
    assert ask(culprit, b"again").read().body == b"again"
    host.allow_log("worker 0")


def test_killed_worker_costs_no_request(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin(worker_threads=3, keepalive=LONG)
    clients = [known(host) for _ in range(5)]
    for number, client in enumerate(clients):
        ask(client, gate.command(b"%d" % number))
    gate.wait_entered(3)
    host.kill_worker()
    gate.release(8)
    assert [client.read().body for client in clients] == [b"%d" % number for number in range(5)]
    host.allow_log("worker 0")


def test_without_retry_a_killed_worker_costs_what_it_ran(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin(worker_threads=1, no_retry=True)
    held, waiting = known(host), known(host)
    ask(held, gate.command(b"held"))
    gate.wait_entered()
    ask(waiting, b"waiting")
    host.wait_queue(1)
    host.kill_worker()
    assert held.read().status == 500
    assert waiting.read().body == b"waiting"
    host.allow_log("worker 0")


def test_host_that_stops_answers_what_is_under_way(begin: StartPlane, known: Known, gate: Gate) -> None:
    """The answer closes the connection; one that is idle is closed, too."""
    host = begin()
    client, idle = known(host), known(host)
    ask(client, gate.command(b"held"))
    gate.wait_entered()
    host.send_signal(signal.SIGTERM)
    host.wait_for_log("shutting down")
    assert idle.is_closed()
    gate.release()
    answer = client.read()
    assert (answer.body, answer.get("Connection")) == (b"held", "close")
    assert client.is_closed()
    host.ends_with(0)


def test_host_that_stops_gives_up_what_takes_too_long(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin(grace_period=0.2)
    client = known(host)
    ask(client, gate.command(b"held"))
    gate.wait_entered()
    host.send_signal(signal.SIGTERM)
    assert client.read().status == 503
    host.ends_with(0)


def test_signed_requests_are_answered_and_handed_up(begin: StartPlane, gate: Gate, plane: str) -> None:
    """Python checks each signature, and the plane does the rest."""
    host = begin(token=WORD)

    def signed(body: bytes, word: str = WORD) -> bytes:
        return request(body=body, headers=signature(body, word))

    with host.connect() as client, host.connect() as other:
        for one in (client, other):
            for number in range(60):
                assert one.send(signed(b"%d" % number)).read().body == b"%d" % number
            assert one.send(signed(b"x", "wrong")).read().status == 401
            assert one.send(signed(b"x")).read().body == b"x"
        client.send(signed(gate.command(b"first")))
        gate.wait_entered()
        client.send(signed(b"second") + signed(b"third", "wrong"))
        other.send(signed(gate.command(b"left")))
        gate.wait_entered(2)
        other.reset()
        host.wait_for_log(r"499: 127\.0\.0\.1: .* after \d+ ms, before the answer to POST")
        gate.release(2)
        assert [client.read().body for _ in range(2)] == [b"first", b"second"]
        assert client.read().status == 401
    assert (direct(host, WORD) > 20) == (plane == "native")


def test_request_that_is_handed_up_has_its_own_id(begin: StartPlane) -> None:
    """The log names the request, not the one from which its head is known."""
    host = begin()
    with host.connect() as client:
        for number in range(3):
            client.send(request(body=b"x", headers=[("X-Request-Id", f"known-{number}")]))
            assert client.read().body == b"x"
        client.send(request(body=command("die", "segv"), headers=[("X-Request-Id", "culprit")]))
        assert client.read().status == 500
    host.expect_log("culprit")
    assert "known-" not in host.new_log()
    host.allow_log("worker 0")


def test_counts_of_requests_under_way_have_them(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin(worker_threads=1)
    held, waiting = known(host), known(host)
    ask(held, gate.command(b"held"))
    gate.wait_entered()
    ask(waiting, b"waiting")
    host.wait_queue(1)
    counted = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)
    assert counted["busy_workers"] == 1
    gate.release()
    assert held.read().body == b"held"
    assert waiting.read().body == b"waiting"
