"""
Answers that are not read and requests that do not end hold a bounded amount of memory, and have their deadlines.
"""

from __future__ import annotations

import pytest

from support import LONG
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
    """Leaves the requests under way no time until that of a later one is over, too; those after these have theirs."""
    for milliseconds in (1, LONG):
        body = b'{"rpc.keepalive": %d}' % milliseconds
        assert host.call(body, "/api/builtin/prop").status == 200
        if milliseconds == 1:
            with host.connect() as clock:
                clock.send(b"P")
                assert clock.read().status == 408


# Behind an unread answer.


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_request_behind_an_unread_answer_times_out_with_408(start: StartHost, gate: Gate, isolation: str) -> None:
    """The request waits for its client to read what comes before; its time runs, and it takes no thread after that."""
    host = start(worker_threads=1, keepalive=LONG, isolation=isolation)
    with Client(host.address, receive_buffer=4096) as client:
        begin_unread(client, request(body=gate.command(b"too late")))
        let_deadlines_pass(host)
        assert host.call(b"somebody else").body == b"somebody else"
        assert len(client.read().body) == LARGE
        assert client.read().status == 408
        assert client.is_closed()
    assert host.call(b"next").body == b"next"
    assert gate.catch_up() == []


def test_many_requests_behind_unread_answers_time_out_with_408(start: StartHost, gate: Gate) -> None:
    """There are more than threads and places in the queue, on several connections."""
    host = start(worker_threads=2, max_queue_size=3, keepalive=LONG)
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


def test_expired_uploads_behind_unread_answers_return_their_slots(start: StartHost) -> None:
    """There are more of them than there is to lend."""
    host = start(keepalive=LONG, max_queue_size=8)
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
def test_pipeline_goes_on_when_an_unread_answer_is_read(host: Host) -> None:
    """An answer that is read in time only delays what is behind it."""
    with Client(host.address, receive_buffer=4096) as client:
        begin_unread(client, request(body=b"1") + request(body=b"2"))
        for number in range(50):
            assert host.call(b"%d" % number).body == b"%d" % number
        assert len(client.read().body) == LARGE
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        assert client.call(b"3").body == b"3"


def test_small_unread_answer_does_not_hold_up_the_stop(start: StartHost) -> None:
    """Bytes that the kernel has taken count as sent."""
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
def test_endless_trailers_and_chunk_extensions_answer_431(host: Host, begin: bytes, more: bytes) -> None:
    """Trailers and extensions count as a head does; others are served meanwhile."""
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
def test_endless_trailers_in_small_pieces_answer_431(host: Host) -> None:
    """None of the pieces is large by itself."""
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
def test_ordinary_trailers_and_chunk_extensions_are_accepted(host: Host) -> None:
    """Many small chunks are accepted, too."""
    body = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in b"z" * 20_000) + b"0\r\n" + b"X-Sum: 1\r\n" * 20 + b"\r\n"
    with host.connect() as client:
        assert client.send(CHUNKED + body).read().body == b"z" * 20_000
        assert client.call(b"next").body == b"next"
