"""
The transport of the data plane does what asyncio's transports do, over real sockets.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from eas_host.front.http.head_pattern import whole
from eas_host.front.plane.acceptor import Acceptor
from eas_host.front.plane.plane import Plane
from eas_host.front.plane.transport import PlaneTransport
from eas_host.ring import FrontRing, RingSize
from support import TIMEOUT

LARGE = bytes(range(256)) * 16 * 1024  # 4 MiB: more than the buffers of a socket take


class Peer(asyncio.Protocol):
    """The protocol object at the host's end; it records what it is told."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.read = b""
        self.calls: list[str] = []
        self.keep_open = False
        self.exception: Exception | None = None
        self._changed = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self.note("made")

    def data_received(self, data: bytes) -> None:
        self.read += data
        self.note("data")
        if data == b"fail":
            raise ValueError("a bug in the protocol")

    def eof_received(self) -> bool:
        self.note("eof")
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.exception = exc
        self.note("lost")

    def pause_writing(self) -> None:
        self.note("pause")

    def resume_writing(self) -> None:
        self.note("resume")

    def flush(self) -> None:
        """A dispatcher's: the plane has submitted a request."""
        self.note("submitted")

    def note(self, call: str) -> None:
        self.calls.append(call)
        changed, self._changed = self._changed, self.loop.create_future()
        changed.set_result(None)

    async def wait(self, call: str) -> None:
        while call not in self.calls:
            await asyncio.wait_for(asyncio.shield(self._changed), TIMEOUT)


Check = Callable[[Peer, socket.socket], Awaitable[None]]


def with_a_client(check: Check, *, family: socket.AddressFamily = socket.AF_INET, buffer: int | None = None) -> None:
    """Runs *check* with the protocol of a client that has connected, and the client's socket."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        plane = Plane(loop)
        peer = Peer()
        listener = socket.socket(family)
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen()
        acceptor = Acceptor(loop, listener, lambda accepted: plane.add(accepted, peer))
        with socket.socket(family) as client:
            client.setblocking(False)
            if buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            await loop.sock_connect(client, listener.getsockname())
            await peer.wait("made")
            await check(peer, client)
        acceptor.close()
        plane.close()
        await asyncio.sleep(0)

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


async def read(peer: Peer, client: socket.socket, size: int) -> bytes:
    """Reads *size* bytes, or as many as come before the end."""
    got = b""
    while len(got) < size:
        piece = await asyncio.wait_for(peer.loop.sock_recv(client, 1 << 20), TIMEOUT)
        if not piece:
            break
        got += piece
    return got


def test_bytes_go_both_ways() -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        await peer.loop.sock_sendall(client, b"question")
        await peer.wait("data")
        peer.transport.write(b"an ")
        peer.transport.writelines([b"ans", b"", b"wer"])
        assert await read(peer, client, 9) == b"an answer"
        assert peer.read == b"question"
        assert peer.transport.get_write_buffer_size() == 0

    with_a_client(check)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_addresses_are_those_of_the_socket(family: socket.AddressFamily) -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        transport = peer.transport
        assert transport.get_extra_info("peername") == client.getsockname()
        assert transport.get_extra_info("sockname") == client.getpeername()
        sock = transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not sock.get_inheritable()
        assert transport.get_extra_info("cipher", "none") == "none"
        transport.abort()
        await peer.wait("lost")
        assert [transport.get_extra_info(name) for name in ("socket", "peername")] == [None, None]

    with_a_client(check, family=family)


def test_large_answer_pauses_the_writer_until_it_is_read() -> None:
    """The marks are asyncio's, and no byte is lost or moved."""

    async def check(peer: Peer, client: socket.socket) -> None:
        peer.transport.write(LARGE)
        assert peer.calls[-1] == "pause"
        unsent = peer.transport.get_write_buffer_size()
        assert 64 * 1024 < unsent < len(LARGE)
        peer.transport.write(b"behind ")
        peer.transport.writelines([b"it", b"!"])
        assert peer.transport.get_write_buffer_size() == unsent + 10
        assert await read(peer, client, len(LARGE) + 10) == LARGE + b"behind it!"
        await peer.wait("resume")
        assert peer.calls.count("pause") == peer.calls.count("resume") == 1
        assert peer.transport.get_write_buffer_size() == 0

    with_a_client(check, buffer=4096)


def test_close_sends_everything_first() -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        peer.transport.write(LARGE)
        peer.transport.close()
        assert peer.transport.is_closing()
        assert not peer.transport.is_reading()
        peer.transport.close()
        assert await read(peer, client, len(LARGE) + 1) == LARGE
        await peer.wait("lost")
        assert peer.exception is None

    with_a_client(check, buffer=4096)


def test_abort_drops_what_is_unsent() -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        peer.transport.write(LARGE)
        peer.transport.abort()
        assert peer.transport.get_write_buffer_size() == 0
        assert "lost" not in peer.calls  # it is told in the next turn of the loop
        await peer.wait("lost")
        assert peer.exception is None
        peer.transport.write(b"nobody is there")
        peer.transport.abort()
        assert len(await read(peer, client, len(LARGE))) < len(LARGE)
        assert peer.calls.count("lost") == 1

    with_a_client(check, buffer=4096)


def test_end_of_this_half_comes_after_what_was_written() -> None:
    """The other half stays open."""

    async def check(peer: Peer, client: socket.socket) -> None:
        assert peer.transport.can_write_eof()
        peer.transport.write(LARGE)
        peer.transport.write_eof()
        with pytest.raises(RuntimeError, match="after the end"):
            peer.transport.write(b"more")
        assert await read(peer, client, len(LARGE) + 1) == LARGE
        await peer.loop.sock_sendall(client, b"still read")
        await peer.wait("data")

    with_a_client(check, buffer=4096)


@pytest.mark.parametrize("keep_open", [True, False])
def test_protocol_decides_what_the_end_of_the_clients_half_means(*, keep_open: bool) -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        peer.keep_open = keep_open
        await peer.loop.sock_sendall(client, b"last")
        client.shutdown(socket.SHUT_WR)
        await peer.wait("eof" if keep_open else "lost")
        assert peer.read == b"last"
        assert peer.transport.is_closing() != keep_open
        if keep_open:
            peer.transport.write(b"answer")
            assert await read(peer, client, 6) == b"answer"
        else:
            assert peer.exception is None

    with_a_client(check)


def test_reset_by_the_client_is_an_error() -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await peer.wait("lost")
        assert isinstance(peer.exception, ConnectionResetError)

    with_a_client(check)


def test_reset_is_found_by_writing_too() -> None:
    """What is not read does not hide it."""

    async def check(peer: Peer, client: socket.socket) -> None:
        peer.transport.pause_reading()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        while not peer.transport.is_closing():
            peer.transport.write(b"x")
            await asyncio.sleep(0)
        await peer.wait("lost")
        assert isinstance(peer.exception, ConnectionError)

    with_a_client(check)


def test_paused_reading_leaves_the_bytes_to_the_system() -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        peer.transport.pause_reading()
        peer.transport.pause_reading()
        assert not peer.transport.is_reading()
        await peer.loop.sock_sendall(client, b"later")
        plane_fd = peer.transport._native.fd  # type: ignore[attr-defined]  # the transport is the plane's
        assert not select.select([plane_fd], [], [], 0)[0]
        peer.transport.resume_reading()
        await peer.wait("data")
        assert peer.read == b"later"

    with_a_client(check)


@pytest.mark.parametrize("unsent", [False, True])
def test_plane_answers_nothing_while_something_is_unsent(*, unsent: bool) -> None:
    """The next answer could overtake it: a request that would be submitted goes to the protocol."""
    ring = FrontRing(RingSize(slots=2, workers=1, threads=1, max_body=16, max_output=16))
    ring.set_capacity(1)

    async def check(peer: Peer, client: socket.socket) -> None:
        transport: PlaneTransport = peer.transport  # type: ignore[assignment]  # the plane's
        plane: Plane = transport._plane  # type: ignore[assignment]  # the one that it is given
        number = plane.attach(ring, peer)
        plane.allow(allowed=True)
        transport.learn(number, whole(b"head"), 4, 16)
        transport.arm()
        if unsent:
            transport.write(LARGE)
            transport.arm()
            assert not transport.submit(number, b"body")
        await peer.loop.sock_sendall(client, b"headbody")
        await peer.wait("data" if unsent else "submitted")
        assert ring.in_flight() == (not unsent)
        assert peer.read == (b"headbody" if unsent else b"")
        plane.native.hand_up_all()
        for _, _, slot, *_ in plane.native.take():
            assert ring.cancel(slot)
        plane.detach(number)

    with_a_client(check, buffer=4096)
    ring.close()


def test_bug_in_a_protocol_costs_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def check(peer: Peer, client: socket.socket) -> None:
        await peer.loop.sock_sendall(client, b"fail")
        await peer.wait("lost")
        assert "a bug in the protocol" in caplog.text

    with_a_client(check)


def test_many_clients_at_once_are_all_accepted() -> None:
    """More than one call of the acceptor takes."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        plane = Plane(loop)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        peers: list[Peer] = []

        def connected(accepted: socket.socket) -> None:
            peers.append(Peer())
            plane.add(accepted, peers[-1])

        acceptor = Acceptor(loop, listener, connected)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(150)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        while len(peers) < len(clients):  # noqa: ASYNC110  the acceptor tells only its caller
            await asyncio.sleep(0)
        for peer in peers:
            await peer.wait("data")
        assert sorted(peer.read for peer in peers) == sorted(b"%d" % number for number in range(150))
        acceptor.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(clients[0].getpeername())
        plane.close()
        await asyncio.sleep(0)  # the sockets are closed in the next turn of the loop
        for client in clients:
            assert client.recv(1) == b""
            client.close()

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
