"""
The log line for a request that got no answer of the processor: 408, 450 and 499.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from support.gate import Gate
from support.host import StartHost
from support.wire import Client, request


def test_reset_connection_is_logged_and_counted_as_499(start: StartHost, gate: Gate) -> None:
    """The line comes at once and says how long the client had waited; the answer is dropped."""
    host = start("cpp")
    client = host.ask(gate.command(b"a"), "/api/predict/contract?x=1")
    gate.wait_entered()
    client.reset()
    host.wait_for_log(r"499: 127\.0\.0\.1: .* after \d+ ms, before the answer to POST /api/predict/contract\?x=1")
    gate.release()
    assert host.call(b"next").body == b"next"
    assert b'status="499"} 1.0' in host.call(path="/api/builtin/metrics", method="GET").body


def test_closed_connection_is_logged_as_499_when_the_answer_is_sent(start: StartHost, gate: Gate) -> None:
    """A close looks like a half-close until something is sent; the line has the time until the close."""
    host = start("cpp")
    client = host.ask(gate.command(b"a"))
    gate.wait_entered()
    client.close()
    assert host.call(b"a turn of the loop").status == 200
    gate.release()
    host.wait_for_log(r"499: 127\.0\.0\.1: .* after \d+ ms, before the answer to POST /api/predict/contract")


def test_closed_connection_is_logged_as_499_with_a_large_answer(start: StartHost, gate: Gate) -> None:
    """The answer is too large to be sent at once."""
    host = start("cpp")
    with Client(host.address, receive_buffer=4096) as client:
        client.send(request(body=gate.command(b"a") + bytes(20 << 20)))
        gate.wait_entered()
    assert host.call(b"a turn of the loop").status == 200
    gate.release()
    host.wait_for_log(r"499: 127\.0\.0\.1: .* after \d+ ms, before the answer to POST /api/predict/contract")


def test_half_closed_client_at_a_stop_is_not_logged_as_499(start: StartHost) -> None:
    """A host that stops closes connections itself: no client has left."""
    host = start("cpp")
    with host.connect() as half, host.connect() as other:
        half.send(request(body=b"y"))
        half.half_close()
        assert half.read().body == b"y"
        assert other.call(b"x").body == b"x"
        host.stop()
        assert half.is_closed()
    assert "499" not in host.new_log()


def test_queued_request_of_a_client_that_left_never_runs(start: StartHost, gate: Gate) -> None:
    host = start("cpp", worker_threads=1)
    running = host.ask(gate.command(b"a"))
    gate.wait_entered()
    host.ask(gate.command(b"b")).reset()
    host.wait_for_log("499: ")
    gate.release()
    assert running.read().body == b"a"
    running.close()
    assert host.call(b"next").body == b"next"
    assert [event.body for event in gate.catch_up() if event.kind == "enter"] == ["a"]


def test_client_that_closes_after_its_answer_is_not_logged_as_499(start: StartHost) -> None:
    host = start("cpp")
    for _ in range(3):
        client = host.connect()
        assert client.call(b"x").body == b"x"
        client.close()
        with host.connect() as half:
            half.send(request(body=b"y"))
            half.half_close()
            assert half.read().body == b"y"
            assert half.is_closed()
    with host.connect() as last:
        while json.loads(last.call(path="/api/builtin/monitor", method="GET").body)["connections"] > 1:
            pass  # until each of them is judged
        assert last.call(b"next").body == b"next"
    assert "499" not in host.new_log()
    assert b'status="499"' not in host.call(path="/api/builtin/metrics", method="GET").body


def test_450_is_logged_once_a_second_with_the_queue_length(start: StartHost, gates: Callable[[], Gate]) -> None:
    """Further 450s within that second are counted, not logged one by one."""
    host = start("cpp", worker_threads=1, max_queue_size=2)
    gate = gates()
    clients = [host.ask(gate.command(b"a"))]
    gate.wait_entered()
    clients += [host.ask(b"b"), host.ask(b"c")]
    host.wait_queue(2)
    assert [host.call(b"d").status for _ in range(20)] == [450] * 20
    host.wait_for_log(r"450: the queue is full, 2 requests wait \(--max-queue-size\)")
    assert host.new_log().count("450: ") < 20
    gate.release()
    assert [client.read().body for client in clients] == [b"a", b"b", b"c"]
    for client in clients:
        client.close()


def test_408_is_logged_with_the_request_and_its_time_limit(start: StartHost, gate: Gate) -> None:
    host = start("cpp", worker_threads=1, keepalive=300)
    with host.ask(gate.command(b"a"), "/api/predict/contract/late") as client:
        assert client.read().status == 408
    host.wait_for_log(r"408: POST /api/predict/contract/late took longer than 300 ms \(--keepalive\)")
    gate.release()
