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
def test_request(host: Host, data: bytes) -> None:
    """All of these are one request with the same body, and leave the connection open."""
    all_ways(host, data, echoes(BODY), closes=False)


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES)
def test_request_again_and_again(host: Host, data: bytes) -> None:
    """The same head on the same connection, with other bodies in between: what was learnt once must hold."""
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


def test_upgrade_without_a_body(host: Host) -> None:
    headers = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
    ]
    all_ways(host, request("GET", headers=headers), echoes(b""), closes=False)


@pytest.mark.parametrize("size", [30_000, 70_000, 1_000_000])
def test_upgrade_with_a_large_body(host: Host, size: int) -> None:
    """However much of it comes in the piece of the head that offers the upgrade."""
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
def test_last_request(host: Host, data: bytes) -> None:
    """After these the connection is closed, and what comes behind them is not answered."""

    def check(answer: Response) -> None:
        assert (answer.status, answer.body) == (200, BODY)
        assert answer.version == "HTTP/1.0" or (answer.get("Connection") or "").lower() == "close"

    all_ways(host, data, check, closes=True)


def test_http_10_kept_alive_says_so(host: Host) -> None:
    """An HTTP/1.0 client keeps the connection only if it is told."""
    data = request(body=BODY, version="HTTP/1.0", headers=[("Connection", "keep-alive")])
    with host.connect() as client:
        assert (client.send(data).read().get("Connection") or "").lower() == "keep-alive"
        assert client.send(data).read().body == BODY


def test_large_chunked_body(host: Host) -> None:
    """A body in thousands of pieces arrives whole."""
    body = seeded_rng(1).randbytes(3_000_000)
    head = request(headers=[("Transfer-Encoding", "chunked")])
    with host.connect() as client:
        for size in (997, 65536, len(body)):
            answer = client.send(head + chunked(body, size)).read()
            assert (answer.status, answer.body == body) == (200, True)


def test_large_body_in_pieces(host: Host) -> None:
    """A body with a length, sent in many pieces of odd sizes, among other requests."""
    body = seeded_rng(2).randbytes(2_000_000)
    data = request(body=body)
    with host.connect() as slow, host.connect() as quick:
        for start in range(0, len(data), 9973):
            slow.send(data[start : start + 9973])
            if start % 5 == 0:
                assert quick.call(b"between").body == b"between"
        assert (slow.read().body == body) is True


# Many requests on one connection.


def test_keep_alive(host: Host) -> None:
    """One connection serves request after request, of all sizes."""
    with host.connect() as client:
        for size in (0, 1, 100, 0, 5000, 1, 200_000, 0, 65_536, 7):
            body = b"k" * size
            assert client.call(body).body == body


def test_pipelining_in_order(host: Host) -> None:
    """Requests that are sent without waiting are answered in their order, whatever each is."""
    bodies = [b"%d" % number * (number % 50) for number in range(200)]
    data = b"".join(
        request(body=body) if number % 3 else request(headers=[("Transfer-Encoding", "chunked")]) + chunked(body, 7)
        for number, body in enumerate(bodies)
    )
    with host.connect() as client:
        client.send(data)
        assert [client.read().body for _ in bodies] == bodies


def test_pipelining_behind_a_slow_one(host: Host, gate: Gate) -> None:
    """A quick answer waits for the slow one before it."""
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


def test_pipelining_more_than_fits(host: Host) -> None:
    """
    A client may send far more than it reads: the host stops reading it, and answers all of it in the end.
    """
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


def test_nothing_follows_a_close(host: Host) -> None:
    """Of three pipelined requests the second one says close: two are answered."""
    data = request(body=b"1") + request(body=b"2", headers=[("Connection", "close")]) + request(body=b"3")
    with host.connect() as client:
        client.send(data)
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.is_closed()


def test_bad_after_good(host: Host) -> None:
    """What came before a malformed request is answered first, then 400, then the end."""
    with host.connect() as client:
        client.send(request(body=b"1") + request(body=b"2") + b"nonsense\r\n\r\n" + AFTER)
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.read().status == 400
        assert client.is_closed()


# Expect: 100-continue.

EXPECTING = ("Expect", "100-continue")


def test_expectation_is_met(host: Host) -> None:
    """The client is told to go on, once, and then answered."""
    for length in (5, 100_000):
        body = b"e" * length
        with host.connect() as client:
            head = request(headers=[EXPECTING, ("Content-Length", str(length))])
            assert client.send(head).read().status == 100
            assert client.send(body).read().body == body
            assert client.call(b"next").body == b"next"


def test_expectation_with_chunks(host: Host) -> None:
    with host.connect() as client:
        assert client.send(request(headers=[EXPECTING, ("Transfer-Encoding", "chunked")])).read().status == 100
        assert client.send(chunked(b"body", 2)).read().body == b"body"


def test_expectation_with_the_body_at_once(host: Host) -> None:
    """A client that does not wait is served all the same; 100 Continue may come first."""
    with host.connect() as client:
        client.send(request(body=b"impatient", headers=[EXPECTING]))
        answer = client.read()
        if answer.status == 100:
            answer = client.read()
        assert (answer.status, answer.body) == (200, b"impatient")


def test_expectation_of_http_10_is_ignored(host: Host) -> None:
    """RFC 9110, section 10.1.1: an HTTP/1.0 client knows no interim answers."""
    with host.connect() as client:
        answer = client.send(request(body=b"old", version="HTTP/1.0", headers=[EXPECTING])).read()
        assert (answer.status, answer.body) == (200, b"old")


def test_pipelined_expectation_keeps_the_order(host: Host, gate: Gate) -> None:
    """100 Continue must not overtake the answer to an earlier request."""
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
