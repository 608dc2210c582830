"""
Requests on connections whose heads are known are what they would be if Python had parsed them.
"""

from __future__ import annotations

import pytest

from support.gate import Gate
from support.planes import Known, StartPlane, ask, direct, put
from support.wire import Client, command, request

pytestmark = pytest.mark.shared_hosts


@pytest.mark.own_hosts
def test_only_the_native_plane_answers_without_python(begin: StartPlane, known: Known, plane: str) -> None:
    """Once a second the heads of answers are made anew, and each status of a request needs Python for that once."""
    host = begin()
    client = known(host)
    for number in range(200):
        assert ask(client, b"%d" % number).read().body == b"%d" % number
    if plane == "native":
        assert direct(host) > 50
    else:
        assert direct(host) == 0
    assert b'eas_host_requests_total{status="200"} 201.0' in host.call(path="/api/builtin/metrics", method="GET").body


@pytest.mark.own_hosts
def test_values_and_lengths_may_differ(begin: StartPlane, known: Known, plane: str) -> None:
    host = begin()
    client = known(host)
    for number in range(100):
        body = b"x" * number
        client.send(request(body=body, headers=[("Date", f"day {number}"), ("Traceparent", f"00-{number}-00")]))
        assert client.read().body == body
    if plane == "native":
        assert direct(host) > 20


def test_answers_are_the_same_as_pythons(begin: StartPlane, known: Known) -> None:
    """The second request with a head is answered like the first one, whatever the processor does."""
    host = begin()
    for body, status in [
        (b"echo", 200),
        (b"", 200),
        (bytes(70_000), 200),
        (command("size", "65536"), 200),
        (command("size", "65537"), 200),
        (command("size", "3000000"), 200),
        (command("status", "404"), 404),
        (command("status", "299"), 400),
        (command("status", "-1"), 400),
        (command("status", "204"), 204),
        (command("status", "450"), 450),
        (command("throw", "because"), 400),
        (command("negative"), 500),
    ]:
        with host.connect() as fresh:
            first = ask(fresh, body).read()
        client = known(host)
        for _ in range(3):
            answer = ask(client, body).read()
            assert (answer.status, answer.body) == (first.status, first.body) == (status, first.body)
            names = [name for name, _ in answer.headers]
            assert names == [name for name, _ in first.headers]
    host.allow_log("process threw")
    host.allow_log("negative output size")


def test_requests_sent_ahead_are_answered_in_order(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin()
    client = known(host)
    ask(client, gate.command(b"first"))
    gate.wait_entered()
    for number in range(5):
        ask(client, b"%d" % number)
    client.send(b"POST / HT")
    assert host.call(b"a turn of the loop").status == 200
    gate.release()
    assert client.read().body == b"first"
    assert [client.read().body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    assert client.send(b"TP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").read().body == b"x"


@pytest.mark.parametrize("begun", [1, 20, -1])
def test_body_that_looks_like_a_request_is_a_body(begin: StartPlane, known: Known, gate: Gate, begun: int) -> None:
    """The head that announces it has come before the answer to the request before; then the body comes alone."""
    host = begin()
    client = known(host)
    body = request(body=b"smuggled")
    behind = request(body=body)
    cut = len(behind) - len(body) if begun < 0 else begun
    ask(client, gate.command(b"first"))
    gate.wait_entered()
    client.send(behind[:cut])
    assert host.call(b"a turn of the loop").status == 200
    gate.release()
    assert client.read().body == b"first"
    client.send(behind[cut:])
    assert client.read().body == body
    assert ask(client, b"next").read().body == b"next"


def test_body_behind_an_answer_that_was_sent_at_once_is_a_body(begin: StartPlane, known: Known) -> None:
    """The host itself answers the first request while the rest of the bytes are still to be parsed."""
    host = begin()
    body = request(body=b"smuggled")
    announced = request(body=body).removesuffix(body)
    client = known(host)
    for _ in range(3):
        client.send(request("GET", "/api/builtin/ping") + announced)
        assert client.read("GET").text == "pong\n"
        assert client.send(body).read().body == body


@pytest.mark.parametrize("head", [1, 30, -1])
def test_request_in_two_pieces_is_one(begin: StartPlane, known: Known, head: int) -> None:
    """The second piece may look like a whole request."""
    host = begin()
    client = known(host)
    body = request(body=b"smuggled")
    whole = request(body=body)
    cut = len(whole) - len(body) if head < 0 else head
    for _ in range(3):
        client.send(whole[:cut])
        assert host.call(b"a turn of the loop").status == 200
        client.send(whole[cut:])
        assert client.read().body == body


def test_full_queue_is_450(begin: StartPlane, known: Known, gate: Gate) -> None:
    """Requests of both kinds count."""
    host = begin(worker_threads=1, max_queue_size=2)
    clients = [known(host) for _ in range(4)]
    ask(clients[0], gate.command(b"held"))
    gate.wait_entered()
    ask(clients[1], b"waits")
    with host.ask(b"waits, too") as new:
        host.wait_queue(2)
        assert ask(clients[2], b"no room").read().status == 450
        assert host.call(b"no room").status == 450
        gate.release()
        assert clients[0].read().body == b"held"
        assert clients[1].read().body == b"waits"
        assert new.read().body == b"waits, too"
    assert ask(clients[2], b"room").read().body == b"room"
    assert ask(clients[3], b"room").read().body == b"room"


def test_rate_limit_is_for_known_heads_too(begin: StartPlane, known: Known) -> None:
    host = begin()
    client = known(host)
    assert ask(client, b"x").read().status == 200
    put(host, "rpc.rate_limit", "1")
    statuses = {ask(client, b"x").read().status for _ in range(20)}
    assert 429 in statuses
    put(host, "rpc.rate_limit", "0")
    assert ask(client, b"x").read().status == 200


def test_paused_service_refuses_known_heads_too(begin: StartPlane, known: Known) -> None:
    host = begin()
    client = known(host)
    put(host, "model.ready", "0")
    assert ask(client, b"x").read().status == 503
    put(host, "model.ready", "1")
    assert ask(client, b"x").read().status == 200


def test_new_token_is_asked_of_known_heads(begin: StartPlane, known: Known) -> None:
    host = begin()
    client = known(host)
    assert ask(client, b"x").read().status == 200
    put(host, "rpc.token", "secret")
    assert ask(client, b"x").read().status == 401


def test_new_default_headers_are_in_the_next_answer(begin: StartPlane, known: Known) -> None:
    host = begin()
    client = known(host)
    assert ask(client, b"x").read().get("X-Own") is None
    put(host, "rpc.http.default_headers", "X-Own: 1")
    assert ask(client, b"x").read().get("X-Own") == "1"


@pytest.mark.own_hosts
@pytest.mark.parametrize("option", ["access_log", "explain"])
def test_answers_that_need_more_are_pythons(begin: StartPlane, known: Known, option: str) -> None:
    host = begin(**{option: True})
    client = known(host)
    for _ in range(5):
        answer = ask(client, b"x").read()
        assert answer.status == 200
        assert (answer.get("X-Processor-Status") is not None) == (option == "explain")
    assert direct(host) == 0
    if option == "access_log":
        host.wait_for_log(r"POST /api/predict/contract.* 200", times=6)


def test_client_that_reads_late_gets_every_byte(begin: StartPlane) -> None:
    """More than the buffers between host and client take, in answers of which each is small."""
    host = begin()
    size = 60_000
    with Client(host.address, receive_buffer=4096) as client:
        asked = request(body=command("size", str(size)))
        answer = client.send(asked).read()
        assert len(answer.body) == size
        for _ in range(200):
            client.send(asked)
        assert host.call(b"others are served meanwhile").status == 200
        assert all(client.read().body == answer.body for _ in range(200))
        assert client.send(asked).read().body == answer.body


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_small_answers_do_not_overtake_a_large_one_that_is_unread(begin: StartPlane, size: int) -> None:
    """The requests come one by one, each on a connection that is idle but for what its client has not read."""
    host = begin()
    with Client(host.address, receive_buffer=4096) as client:
        assert client.send(request(body=b"known")).read().body == b"known"
        client.send(request(body=command("size", str(size))))
        for number in range(20):
            client.send(request(body=b"%d" % number))
            assert host.call(b"a turn of the loop").status == 200
        assert len(client.read().body) == size
        assert [client.read().body for _ in range(20)] == [b"%d" % number for number in range(20)]


def test_client_that_reads_one_answer_late_is_asked_nothing(begin: StartPlane) -> None:
    """Each answer begins after the one before it was read, and may be unsent in part."""
    host = begin()
    with Client(host.address, receive_buffer=4096) as client:
        for size in (60_000, 1, 65_536, 65_000, 100):
            assert len(client.send(request(body=command("size", str(size)))).read().body) == size


def test_large_body_goes_by_python(begin: StartPlane, known: Known) -> None:
    """What comes in one read, up to 256 KiB, goes by the plane, as long as all such bodies have room."""
    host = begin()
    client = known(host)
    for size in (16 * 1024, 16 * 1024 + 1, 100_000, 255_000, 263_000, 3_000_000, 5):
        body = bytes(size)
        assert ask(client, body).read().body == body


@pytest.mark.own_hosts
def test_isolation_none_has_the_same_plane(begin: StartPlane, known: Known, plane: str) -> None:
    host = begin(isolation="none")
    client = known(host)
    for number in range(100):
        assert ask(client, b"%d" % number).read().body == b"%d" % number
    assert (direct(host) > 20) == (plane == "native")
