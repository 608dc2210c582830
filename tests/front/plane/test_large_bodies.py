"""
Bodies that are received straight into their slots, and answers that are sent straight out of them, are those of their
own requests, whatever their clients do.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import seeded_rng
from support.gate import Gate
from support.host import Host
from support.planes import Known, StartPlane, ask
from support.wire import Client, command, request

pytestmark = pytest.mark.shared_hosts

MIB = 1 << 20
READ = 256 * 1024  # what the plane reads at once
UPLOADS = 32  # slots for uploads
QUICK = 400  # milliseconds


def announce(size: int) -> bytes:
    return request(headers=[("Content-Length", str(size))])


def a_turn(host: Host) -> None:
    """What was sent before has been read by the end of this."""
    assert host.call(b"turn").body == b"turn"


@pytest.mark.parametrize("size", [READ - 200, READ, READ + 20_000, 3 * MIB])
def test_bodies_of_any_size_and_cut_are_whole(begin: StartPlane, known: Known, size: int) -> None:
    """The next request comes right behind, and looks like a part of the body."""
    host = begin()
    client = known(host)
    rng = seeded_rng(size)
    body = rng.randbytes(size)
    stream = announce(size) + body + request(body=b"behind") + request(body=body)
    head = len(announce(size))
    for cut in (0, 1, head, head + 1, head + 20_000, rng.randrange(len(stream))):
        client.send(stream[:cut])
        a_turn(host)
        client.send(stream[cut:])
        assert client.read().body == body
        assert client.read().body == b"behind"
        assert client.read().body == body


def test_body_that_looks_like_requests_is_a_body(begin: StartPlane) -> None:
    host = begin()
    body = request(body=b"smuggled") * 10_000
    with host.connect() as client:
        for _ in range(3):
            client.send(announce(len(body)))
            a_turn(host)
            client.send(body[:100_000])
            a_turn(host)
            client.send(body[100_000:])
            assert client.read().body == body
            assert ask(client, b"small").read().body == b"small"


def test_many_clients_get_their_own_bytes(begin: StartPlane) -> None:
    """More at once than there are slots for uploads; each body is another one."""
    host = begin(max_queue_size=200)
    rng = seeded_rng(0)
    bodies = [rng.randbytes(rng.randrange(60_000, 600_000)) for _ in range(UPLOADS + 8)]
    with ExitStack() as stack:
        clients = [stack.enter_context(host.connect()) for _ in bodies]
        for _ in range(2):
            for client, body in zip(clients, bodies, strict=True):
                client.send(announce(len(body)) + body[:50_000])
            for client, body in zip(clients, bodies, strict=True):
                client.send(body[50_000:])
            for client, body in zip(clients, bodies, strict=True):
                assert client.read().body == body


@pytest.mark.parametrize("leave", [Client.reset, Client.close, Client.half_close])
def test_slots_of_clients_that_leave_in_a_body_are_free_again(begin: StartPlane, leave: object) -> None:
    host = begin()
    body = bytes(2 * MIB)
    for _ in range(2 * UPLOADS):
        with host.connect() as client:
            client.send(announce(len(body)) + body[: MIB // 2])
            a_turn(host)
            leave(client)  # type: ignore[operator]  # a method of the client
    with host.connect() as client:
        client.send(announce(len(body)) + body)
        assert client.read().body == body


def test_upload_that_takes_too_long_is_408_and_writes_no_more(begin: StartPlane, known: Known, gate: Gate) -> None:
    """What it still sends gets into no slot that another request has by then."""
    host = begin(worker_threads=1, keepalive=QUICK)
    late = host.connect()
    late.send(announce(MIB) + b"late" * 25_000)
    assert late.read().status == 408
    held = known(host)
    held.send(announce(MIB) + gate.command(b"").ljust(MIB, b"x"))
    gate.wait_entered()
    late.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bytes(16))
    try:
        late.send(b"late" * 25_000)
    except OSError:
        pass  # the host has closed it already
    gate.release()
    assert b"late" not in held.read().body
    late.close()


def test_large_body_waits_its_turn_on_its_connection(begin: StartPlane, known: Known, gate: Gate) -> None:
    host = begin()
    client = known(host)
    ask(client, gate.command(b"first"))
    gate.wait_entered()
    body = bytes(range(256)) * 4096
    client.send(announce(MIB) + body[:300_000])
    a_turn(host)
    client.send(body[300_000:] + request(body=b"third"))
    a_turn(host)
    gate.release()
    assert client.read().body == b"first"
    assert client.read().body == body
    assert client.read().body == b"third"


@pytest.mark.parametrize("size", [100_000, MIB, 3 * MIB])
def test_clients_that_read_no_answer_hold_no_slot(begin: StartPlane, size: int) -> None:
    """More of them than requests may be in the ring; others are served, and each gets its own bytes in the end."""
    host = begin(worker_threads=1, max_queue_size=2)
    with ExitStack() as stack:
        clients = []
        for number in range(8):
            client = stack.enter_context(Client(host.address, receive_buffer=4096))
            client.send(announce(size) + bytes([number]) * size)
            client.socket.recv(1, socket.MSG_PEEK)  # its answer begins, and more of it than it takes is there
            clients.append(client)
            a_turn(host)
        for number, client in enumerate(clients):
            answer = client.read()
            assert (answer.status, answer.body == bytes([number]) * size) == (200, True)


def test_head_requests_and_statuses_without_a_body_send_none(begin: StartPlane) -> None:
    host = begin()
    size = command("size", str(MIB))
    with host.connect() as client:
        for _ in range(3):
            assert client.send(request("HEAD", body=size)).read("HEAD").get("Content-Length") == str(MIB)
            assert len(ask(client, size).read().body) == MIB


def test_body_under_way_outlives_a_reload(begin: StartPlane, tmp_path: Path) -> None:
    """Its ring is closed: it goes on in the front's memory, and the next request behind it is one, too."""
    processor = tmp_path / "app.py"
    source = (
        "import allspark\n"
        "class Echo(allspark.BaseProcessor):\n"
        "    def initialize(self):\n"
        "        pass\n"
        "    def process(self, data):\n"
        "        return data, 200\n"
    )
    processor.write_text(source)
    host = begin("python", entry=processor, name="contract", reload=True, grace_period=0.2)
    body = bytes(range(256)) * 8192
    with host.connect() as client:
        client.send(announce(len(body)) + body[:MIB])
        a_turn(host)
        processor.write_text(source + "\n# another version\n")
        host.wait_for_log("requests of the old version were still running")
        client.send(body[MIB:] + request(body=b"behind"))
        assert client.read().body == body
        assert client.read().body == b"behind"
