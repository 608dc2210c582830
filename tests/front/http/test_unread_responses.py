"""
Answers that are not read and requests that do not end: what they hold is bounded, and time runs for them as for all.
"""

from __future__ import annotations

import pytest

from support.columns import columns
from support.gate import Gate
from support.host import Host, StartHost
from support.wire import Client, command, request

MIB = 1 << 20
LARGE = 20 * MIB  # more than all buffers between host and client take
QUICK = 400  # milliseconds
HOST_OPTIONS = {"keepalive": 120_000}


def begin_unread(client: Client, behind: bytes) -> None:
    """Asks for a large answer, with *behind* in the same packet, and waits until the answer has begun."""
    client.send(request(body=command("size", str(LARGE))) + behind)
    assert not client.waits_for_an_answer(60)


def let_deadlines_pass(host: Host) -> None:
    """Whatever was sent before has had its time when a later request has."""
    with host.connect() as clock:
        clock.send(b"P")
        assert clock.read().status == 408


# Behind an unread answer.


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_deadline_behind_an_unread_answer(start: StartHost, gate: Gate, isolation: str) -> None:
    """
    A pipelined request waits for its client to read what comes before. Its time runs: it answers 408, and it does not
    take a thread after that.
    """
    host = start(worker_threads=1, keepalive=QUICK, isolation=isolation)
    with Client(host.address, receive_buffer=4096) as client:
        begin_unread(client, request(body=gate.command(b"too late")))
        let_deadlines_pass(host)
        assert host.call(b"somebody else").body == b"somebody else"
        assert len(client.read().body) == LARGE
        assert client.read().status == 408
        assert client.is_closed()
    assert host.call(b"next").body == b"next"
    assert gate.catch_up() == []


def test_deadlines_behind_unread_answers(start: StartHost, gate: Gate) -> None:
    """The same for more requests than there are threads and places in the queue, on several connections."""
    host = start(worker_threads=2, max_queue_size=3, keepalive=QUICK)
    clients = [Client(host.address, receive_buffer=4096) for _ in range(3)]
    for client in clients:
        begin_unread(client, request(body=gate.command(b"too late")) * 8)
    let_deadlines_pass(host)
    for client in clients:
        assert len(client.read().body) == LARGE
        assert client.read().status == 408
        assert client.is_closed()
        client.close()
        assert host.call(b"next").body == b"next"
    assert gate.catch_up() == []


def test_uploads_behind_unread_answers(start: StartHost) -> None:
    """Uploads that expire behind unread answers give back what they were lent: more than there is to lend."""
    host = start(keepalive=QUICK, max_queue_size=8)
    body = bytes(300_000)
    half = request(body=body)[:-1000]
    clients = [Client(host.address, receive_buffer=4096) for _ in range(40)]
    for client in clients:
        begin_unread(client, half)
    let_deadlines_pass(host)
    for _ in range(10):
        assert host.call(body).body == body
    for client in clients:
        client.close()


@columns("cpp-process")
def test_pipeline_goes_on_when_it_is_read(host: Host) -> None:
    """In time, an unread answer only delays what is behind it."""
    with Client(host.address, receive_buffer=4096) as client:
        begin_unread(client, request(body=b"1") + request(body=b"2"))
        for number in range(50):
            assert host.call(b"%d" % number).body == b"%d" % number
        assert len(client.read().body) == LARGE
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.call(b"3").body == b"3"


def test_stop_with_a_small_rest_unread(start: StartHost) -> None:
    """What the kernel has taken is sent: a client that reads none of its small answer does not hold up the stop."""
    host = start(keepalive=QUICK)
    with host.connect() as client, host.connect() as other:
        client.send(request(body=b"x" * 1000, headers=[("Connection", "close")]))
        assert not client.waits_for_an_answer(60)
        assert other.call(b"x").body == b"x"
        host.stop()
        assert client.read().body == b"x" * 1000


# Parts of a request that do not end.

CHUNKED = request(headers=[("Transfer-Encoding", "chunked")])
ENDLESS = {
    "trailer value": (b"0\r\nX-A: ", b"a" * 65_536),
    "trailer name": (b"0\r\n", b"a" * 65_536),
    "many trailers": (b"0\r\n", b"X-A: b\r\n" * 8192),
    "chunk extension": (b"5;name=", b"a" * 65_536),
    "many chunk extensions": (b"5", b";a=b" * 16_384),
}


@columns("cpp-process")
@pytest.mark.parametrize(("begin", "more"), ENDLESS.values(), ids=ENDLESS)
def test_endless(host: Host, begin: bytes, more: bytes) -> None:
    """Trailers and chunk extensions count as a head does: 431 where the limit is, and others are served meanwhile."""
    with host.connect() as client:
        client.send(CHUNKED + begin)
        for number in range(100):
            if not client.is_silent():
                break
            client.send_until_refused(more)
            assert host.call(b"%d" % number).body == b"%d" % number
        answer = client.read()
        assert answer.status == 431, answer
        assert client.is_closed()


@columns("cpp-process")
def test_endless_but_slow(host: Host) -> None:
    """The same in small pieces, none of which is large by itself."""
    with host.connect() as client:
        client.send(CHUNKED + b"0\r\nX-A: ")
        for _ in range(2000):
            if not client.is_silent():
                break
            client.send_until_refused(b"a" * 100)
            assert host.call(b"", "/api/builtin/none").status == 404
        assert client.read().status == 431
        assert client.is_closed()


@columns("cpp-process")
def test_ordinary_trailers(host: Host) -> None:
    """Some trailers and extensions are no attack; neither are many small chunks."""
    body = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in b"z" * 20_000) + b"0\r\n" + b"X-Sum: 1\r\n" * 20 + b"\r\n"
    with host.connect() as client:
        assert client.send(CHUNKED + body).read().body == b"z" * 20_000
        assert client.call(b"next").body == b"next"
