"""
Clients that behave badly do not hold up others: those that leave, are slow, never read, or come by the thousand.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from support import proc, seeded_rng
from support.columns import columns
from support.gate import Gate
from support.host import Host
from support.wire import Client, command, request

MIB = 1 << 20
HOST_OPTIONS = {"keepalive": 120_000}
pytestmark = [columns("cpp-process"), pytest.mark.real_starts]


@pytest.fixture(scope="module", autouse=True)
def _meanwhile(never_reads: object) -> None:
    """
    One test of this kind waits half a minute for nothing; it begins here, and workers/test_torture.py looks at its end.
    """


def test_half_closed_client_gets_all_complete_requests_answered(host: Host, gate: Gate) -> None:
    """The answers come in order; then the connection ends."""
    with host.connect() as client:
        client.send(request(body=gate.command(b"1")) + request(body=b"2") + request(body=b"half of it")[:-3])
        gate.wait_entered()
        client.half_close()
        assert host.call(b"somebody else").body == b"somebody else"
        gate.release()
        assert [client.read().body for _ in range(2)] == [b"1", b"2"]
        client.read_to_end()


def test_half_close_before_a_request_closes_the_connection(host: Host) -> None:
    with host.connect() as client:
        client.half_close()
        assert client.is_closed()


@pytest.mark.parametrize("leave", [Client.close, Client.reset], ids=["closes", "resets"])
def test_answer_for_a_client_that_left_is_dropped(host: Host, gate: Gate, leave: object) -> None:
    """The request runs to its end."""
    clients = [host.ask(gate.command(b"gone %d" % number)) for number in range(5)]
    gate.wait_entered(5)
    for client in clients:
        leave(client)  # type: ignore[operator]
    waiting = host.ask(b"waits for a thread")
    gate.release(5)
    assert waiting.read().body == b"waits for a thread"
    waiting.close()
    gate.wait_left(5)
    for number in range(20):
        assert host.call(b"%d" % number).body == b"%d" % number


def test_broken_connections_leave_no_descriptor(host: Host) -> None:
    """The connection breaks at many places of a request."""
    data = request(body=b"b" * 200, headers=[("Expect", "100-continue")])
    descriptors = host.settled().descriptors
    for at in range(0, len(data), 3):
        client = host.connect().send(data[:at])
        if at % 2:
            client.close()
        else:
            client.reset()
    assert host.settled().descriptors <= descriptors


def test_large_answer_is_freed_with_its_broken_connection(host: Host) -> None:
    before = proc.holdings(host.pid).anonymous
    for _ in range(20):
        with Client(host.address, receive_buffer=4096) as client:
            client.send(request(body=command("size", str(20 * MIB))))
            assert client.socket.recv(1) == b"H"
            client.reset()
    for number in range(20):
        assert host.call(b"%d" % number).body == b"%d" % number
    assert proc.holdings(host.pid).anonymous - before < 100 << 10


def test_requests_sent_byte_by_byte_do_not_hold_up_others(host: Host) -> None:
    """Between any two bytes of ten slow requests others are served; in the end the slow ones are, too."""
    body = b"slowly"
    data = request(body=body)
    with ExitStack() as stack:
        slow = [stack.enter_context(host.connect()) for _ in range(10)]
        quick = stack.enter_context(host.connect())
        for at in range(len(data)):
            for client in slow:
                client.send(data[at : at + 1])
            assert quick.call(b"%d" % at).body == b"%d" % at
        assert [client.read().body for client in slow] == [body] * 10


def test_clients_that_do_not_read_do_not_hold_up_others(host: Host) -> None:
    """30 of them, with large answers: they get all of theirs when they do read."""
    with ExitStack() as stack:
        rude = [stack.enter_context(Client(host.address, receive_buffer=8192)) for _ in range(30)]
        for client in rude:
            client.send(request(body=command("size", str(4 * MIB))))
        for number in range(200):
            assert host.call(b"%d" % number).body == b"%d" % number
        for client in rude:
            assert client.read().body == b"s" * (4 * MIB)
            assert client.call(b"friends again").body == b"friends again"


def test_2000_slow_uploads_hold_no_slots(host: Host) -> None:
    """The queue has room for 64, and everybody else is served. Each upload is served, too, once it is complete."""
    body = seeded_rng(2).randbytes(5000)
    data = request(body=body)
    pieces = [data[:-3000], data[-3000:-2000], data[-2000:-1000]]
    with ExitStack() as stack:
        uploads = [stack.enter_context(host.connect()) for _ in range(2000)]
        for piece in pieces:
            for upload in uploads:
                upload.send(piece)
            assert host.call(b"a turn, so that the pieces are read one by one").status == 200
        with host.connect() as client:
            for number in range(300):
                assert client.call(b"%d" % number).body == b"%d" % number
            large = seeded_rng(3).randbytes(3 * MIB)
            assert (client.call(large).body == large) is True
        assert host.call(b"new connection").body == b"new connection"
        for upload in uploads:
            assert upload.send(data[-1000:]).read().body == body


def test_150_large_half_uploads_do_not_hold_up_others(host: Host) -> None:
    """2 MiB each, more than there are slots in all; they are served, too, in the end."""
    body = seeded_rng(4).randbytes(2 * MIB)
    data = request(body=body)
    half = len(data) // 2
    with ExitStack() as stack:
        uploads = [stack.enter_context(host.connect()).send(data[:half]) for _ in range(150)]
        for number in range(100):
            assert host.call(b"%d" % number).body == b"%d" % number
        for upload in uploads:
            assert (upload.send(data[half:]).read().body == body) is True
            upload.close()


def test_3000_connections_leave_no_descriptor(host: Host) -> None:
    """Each connection has one request."""
    descriptors = host.settled().descriptors
    for number in range(3000):
        assert host.call(b"%d" % number).body == b"%d" % number
    assert host.settled().descriptors <= descriptors
