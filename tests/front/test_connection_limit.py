"""
More connections than the host may have: idle ones are closed for new ones.

Under `ulimit -n 64` a host with one worker has 20 connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support import LONG
from support.gate import Gate
from support.host import Host, StartHost
from support.ulimit import set_for_hosts
from support.wire import Client, ConnectionEnded, command, request

MOST = 20
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    set_for_hosts(monkeypatch, "-n 64")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as clients:
        yield clients


def connect(host: Host, stack: ExitStack, count: int = MOST) -> list[Client]:
    """As many connections, which the host's clock can tell from those that come later."""
    clients = [stack.enter_context(host.connect()) for _ in range(count)]
    assert clients[-1].waits_for_an_answer(0.02)
    return clients


def is_served(host: Host, stack: ExitStack) -> Client:
    """A new connection gets its answer, and stays open."""
    (client,) = connect(host, stack, 1)
    assert client.call(b"new").body == b"new"
    return client


def open_ones(clients: list[Client]) -> list[Client]:
    return [client for client in clients if client.is_silent()]


def test_longest_idle_connections_are_closed_for_new_ones(start: StartHost, stack: ExitStack) -> None:
    """They are closed in good order; one that was used lately stays."""
    host = start(keepalive=LONG)
    old = connect(host, stack, MOST // 2)
    young = connect(host, stack, MOST // 2)
    assert old[0].call(b"used").body == b"used"
    for _ in range(6):
        is_served(host, stack)
    host.wait_for_log("there are 20 connections.*ulimit -n")
    assert len(open_ones(old)) == MOST // 2 - 6
    assert open_ones(young) == young
    assert old[0].call(b"used again").body == b"used again"
    gone = next(client for client in old if not client.is_silent())
    assert gone.socket.recv(1) == b""


def test_connections_between_two_requests_count_as_idle(start: StartHost, stack: ExitStack) -> None:
    """A connection that has sent nothing yet is idle, too."""
    host = start(keepalive=LONG)
    clients = [is_served(host, stack) for _ in range(MOST)]
    more = [is_served(host, stack) for _ in range(MOST)]
    assert open_ones(clients) == []
    assert open_ones(more) == more


def test_slowest_uploads_are_closed_where_no_connection_is_idle(start: StartHost, stack: ExitStack) -> None:
    """The slowest are those whose request has been arriving for longest, however they trickle."""
    host = start(keepalive=LONG)
    old = connect(host, stack, MOST // 2)
    for client in old:
        client.send(b"POST /x HT")
    assert old[0].waits_for_an_answer(0.02)
    young = connect(host, stack, MOST // 2)
    for client in young:
        client.send(request(headers=[("Content-Length", "10")]) + b"half")
    for client in old:
        client.send(b"T")
    assert young[0].waits_for_an_answer(0.02)
    keep = [is_served(host, stack)]
    assert len(open_ones(old)) == MOST // 2 - 1
    assert open_ones(young) == young
    keep.append(is_served(host, stack))  # now one is idle, and goes first
    assert len(open_ones(old)) == MOST // 2 - 1
    assert len(open_ones(keep)) == 1


def test_new_connection_is_refused_where_all_are_busy(start: StartHost, stack: ExitStack, gate: Gate) -> None:
    """Every connection has a request that runs or waits; nothing is lost."""
    host = start(worker_threads=1, keepalive=LONG)
    clients = connect(host, stack)
    clients[0].send(request(body=gate.command(b"0")))
    gate.wait_entered()
    for number, client in enumerate(clients[1:-1], 1):
        client.send(request(body=b"%d" % number))
    clients[-1].send(request("GET", "/api/builtin/ping"))
    assert clients[-1].read("GET").status == 200
    clients[-1].send(request(body=b"last"))
    assert clients[-1].waits_for_an_answer(0.02)
    # The reset may come before the connection is known to be made.
    with pytest.raises((ConnectionEnded, ConnectionResetError, BrokenPipeError)), host.connect() as newcomer:
        newcomer.call(b"new")
    gate.release()
    assert [client.read().body for client in clients] == [b"0", *(b"%d" % n for n in range(1, MOST - 1)), b"last"]
    is_served(host, stack)


def test_connections_with_unread_answers_make_room(start: StartHost, stack: ExitStack) -> None:
    host = start(keepalive=LONG)
    for _ in range(MOST):
        client = stack.enter_context(Client(host.address, receive_buffer=4096))
        client.send(request(body=command("size", str(8 * MIB))))
        assert not client.waits_for_an_answer(60)
    for _ in range(3):
        is_served(host, stack)


def test_refused_connections_that_go_on_sending_make_room(start: StartHost, stack: ExitStack) -> None:
    """A client that was answered for the last time is not waited for while others come."""
    host = start(keepalive=LONG, max_body="1MiB")
    for client in connect(host, stack):
        client.send(request(headers=[("Content-Length", str(2 * MIB))]))
        assert client.read().status == 413
    for _ in range(MOST):
        is_served(host, stack)


def test_worker_is_replaced_at_the_connection_limit(start: StartHost, stack: ExitStack) -> None:
    host = start(keepalive=LONG)
    host.allow_log("SIGKILL")
    connect(host, stack, 3 * MOST)
    host.kill_worker()
    is_served(host, stack)
