"""
HTTP as the front speaks it: what is a request, where it ends, in which order answers come, and what is
refused.
"""

from __future__ import annotations

import pytest

from support import TIMEOUT, seeded_rng
from support.columns import columns
from support.gate import Gate
from support.host import Host
from support.shapes import BODY, SHAPES
from support.ways import AFTER, all_ways, echoes
from support.wire import Client, Response, chunked, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 2}
pytestmark = columns("cpp-process")


# Well-formed requests.


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES)
def test_each_valid_form_of_a_request_is_answered(host: Host, data: bytes) -> None:
    """All of these are one request with the same body, and leave the connection open."""
    all_ways(host, data, echoes(BODY), closes=False)


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES)
def test_repeated_head_is_answered_with_each_new_body(host: Host, data: bytes) -> None:
    """Other bodies come in between on the same connection: what was learnt of the head once must hold."""
    other = request(body=b"another")
    with host.connect() as client:
        for _ in range(3):
            for sent, body in ((data, BODY), (data.replace(BODY, b"SOME BODY"), None), (other, b"another")):
                answer = client.send(sent).read()
                assert answer.status == 200
                assert answer.body == (body or answer.body)
            client.send(data[:-1])
            assert host.call(b"somebody else").body == b"somebody else"
            assert client.send(data[-1:]).read().body == BODY
            client.send(data + data)
            assert [client.read().body for _ in range(2)] == [BODY, BODY]


def test_offered_upgrade_without_a_body_is_ignored(host: Host) -> None:
    headers = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
    ]
    all_ways(host, request("GET", headers=headers), echoes(b""), closes=False)


@pytest.mark.parametrize("size", [30_000, 70_000, 1_000_000])
def test_offered_upgrade_with_a_large_body_is_ignored(host: Host, size: int) -> None:
    """Some of the body comes in the piece of the head that offers the upgrade."""
    body = seeded_rng(size).randbytes(size)
    with host.connect() as client:
        for framing, sent in (("Content-Length", body), ("Transfer-Encoding", chunked(body, 50_000))):
            value = str(size) if framing == "Content-Length" else "chunked"
            client.send(request(headers=[("Connection", "Upgrade"), ("Upgrade", "h2c"), (framing, value)]) + sent)
            assert (client.read().body == body) is True


@pytest.mark.parametrize(
    "data",
    [
        request(body=BODY, headers=[("Connection", "close")]),
        request(body=BODY, headers=[("Connection", "Close, X-Other")]),
        request(body=BODY, version="HTTP/1.0"),
        request(headers=[("Transfer-Encoding", "chunked"), ("Connection", "close")]) + chunked(BODY, 4),
    ],
    ids=["Connection: close", "close among others", "HTTP/1.0", "chunked, close"],
)
def test_connection_closes_after_a_request_that_asks_for_it(host: Host, data: bytes) -> None:
    """A request behind it is not answered."""

    def check(answer: Response) -> None:
        assert (answer.status, answer.body) == (200, BODY)
        assert answer.version == "HTTP/1.0" or (answer.get("Connection") or "").lower() == "close"

    all_ways(host, data, check, closes=True)


def test_http_10_keep_alive_is_confirmed_in_the_answer(host: Host) -> None:
    """An HTTP/1.0 client keeps the connection only if it is told."""
    data = request(body=BODY, version="HTTP/1.0", headers=[("Connection", "keep-alive")])
    with host.connect() as client:
        assert (client.send(data).read().get("Connection") or "").lower() == "keep-alive"
        assert client.send(data).read().body == BODY


def test_large_chunked_body_arrives_whole(host: Host) -> None:
    """The body comes in thousands of pieces."""
    body = seeded_rng(1).randbytes(3_000_000)
    head = request(headers=[("Transfer-Encoding", "chunked")])
    with host.connect() as client:
        for size in (997, 65536, len(body)):
            answer = client.send(head + chunked(body, size)).read()
            assert (answer.status, answer.body == body) == (200, True)


def test_large_body_in_odd_pieces_arrives_whole(host: Host) -> None:
    """The body has a length, and comes among other requests."""
    body = seeded_rng(2).randbytes(2_000_000)
    data = request(body=body)
    with host.connect() as slow, host.connect() as quick:
        for start in range(0, len(data), 9973):
            slow.send(data[start : start + 9973])
            if start % 5 == 0:
                assert quick.call(b"between").body == b"between"
        assert (slow.read().body == body) is True


# Many requests on one connection.


def test_one_connection_serves_many_requests(host: Host) -> None:
    """The bodies have all sizes."""
    with host.connect() as client:
        for size in (0, 1, 100, 0, 5000, 1, 200_000, 0, 65_536, 7):
            body = b"k" * size
            assert client.call(body).body == body


def test_pipelined_requests_are_answered_in_order(host: Host) -> None:
    """The requests have different forms."""
    bodies = [b"%d" % number * (number % 50) for number in range(200)]
    data = b"".join(
        request(body=body) if number % 3 else request(headers=[("Transfer-Encoding", "chunked")]) + chunked(body, 7)
        for number, body in enumerate(bodies)
    )
    with host.connect() as client:
        client.send(data)
        assert [client.read().body for _ in bodies] == bodies


def test_pipelined_quick_answer_waits_for_the_slow_one_before_it(host: Host, gate: Gate) -> None:
    with host.connect() as client:
        client.send(
            request(body=gate.command(b"slow")) + request(body=b"quick") + request("GET", "/api/builtin/unknown")
        )
        gate.wait_entered()
        assert host.call(b"somebody else").body == b"somebody else"
        assert client.is_silent()
        gate.release()
        assert [client.read().body for _ in range(2)] == [b"slow", b"quick"]
        assert client.read().status == 404


def test_pipeline_larger_than_the_buffers_is_answered_completely(host: Host) -> None:
    """The host stops reading a client that sends far more than it reads."""
    count, body = 5000, b"p" * 4000
    data, sent, answered = memoryview(request(body=body) * count), 0, 0
    with host.connect() as client:
        while answered < count:
            sent += send_what_fits(client, data[sent:])
            assert client.read().body == body
            answered += 1
        assert client.is_silent()


def send_what_fits(client: Client, data: memoryview) -> int:
    """Sends what the connection takes now, and tells how much that was."""
    client.socket.setblocking(False)
    try:
        return client.socket.send(data) if data else 0
    except BlockingIOError:
        return 0
    finally:
        client.socket.settimeout(TIMEOUT)


def test_pipelined_request_behind_a_close_is_not_answered(host: Host) -> None:
    """The second of three requests says close: two are answered."""
    data = request(body=b"1") + request(body=b"2", headers=[("Connection", "close")]) + request(body=b"3")
    with host.connect() as client:
        client.send(data)
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.is_closed()


def test_requests_before_a_malformed_one_are_answered(host: Host) -> None:
    """The malformed one answers 400 and ends the connection."""
    with host.connect() as client:
        client.send(request(body=b"1") + request(body=b"2") + b"nonsense\r\n\r\n" + AFTER)
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.read().status == 400
        assert client.is_closed()


# Expect: 100-continue.

EXPECTING = ("Expect", "100-continue")


def test_expect_100_continue_is_answered_once(host: Host) -> None:
    """The client is told to go on, and then answered."""
    for length in (5, 100_000):
        body = b"e" * length
        with host.connect() as client:
            head = request(headers=[EXPECTING, ("Content-Length", str(length))])
            assert client.send(head).read().status == 100
            assert client.send(body).read().body == body
            assert client.call(b"next").body == b"next"


def test_expect_100_continue_with_chunks_is_answered(host: Host) -> None:
    with host.connect() as client:
        assert client.send(request(headers=[EXPECTING, ("Transfer-Encoding", "chunked")])).read().status == 100
        assert client.send(chunked(b"body", 2)).read().body == b"body"


def test_expect_100_continue_with_the_body_at_once_is_served(host: Host) -> None:
    """100 Continue may come first."""
    with host.connect() as client:
        client.send(request(body=b"impatient", headers=[EXPECTING]))
        answer = client.read()
        if answer.status == 100:
            answer = client.read()
        assert (answer.status, answer.body) == (200, b"impatient")


def test_expect_100_continue_of_http_10_is_ignored(host: Host) -> None:
    """RFC 9110, section 10.1.1: an HTTP/1.0 client knows no interim answers."""
    with host.connect() as client:
        answer = client.send(request(body=b"old", version="HTTP/1.0", headers=[EXPECTING])).read()
        assert (answer.status, answer.body) == (200, b"old")


def test_100_continue_does_not_overtake_an_earlier_answer(host: Host, gate: Gate) -> None:
    with host.connect() as client:
        client.send(request(body=gate.command(b"first")))
        gate.wait_entered()
        client.send(request(headers=[EXPECTING, ("Content-Length", "6")]))
        assert host.call(b"somebody else").body == b"somebody else"
        assert client.is_silent()
        gate.release()
        assert client.read().body == b"first"
        assert client.read().status == 100
        assert client.send(b"second").read().body == b"second"
