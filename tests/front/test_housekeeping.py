"""
Housekeeping counts what clients have not read of small answers, of which the transport says nothing, and returns
memory.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from eas_host.config import HostConfig
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.front import housekeeping
from eas_host.front.admission.tokens import Auth
from eas_host.front.http.response_head import ResponseHeadCache
from eas_host.front.observe.growth_log import GrowthLog
from eas_host.front.open_connections import OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties
from eas_host.front.settings.token_renewal import TokenRenewal
from eas_host.system import memory
from support import TIMEOUT

MIB = 2**20
LITTLE = 48 * 1024
"""Below the mark of 64 KiB at which writing is paused."""


class UnreadConnection(asyncio.Protocol):
    """What housekeeping needs of a connection; its client has been sent more than the system takes for it."""

    last_used = 0.0
    paused = was_reset = False
    answers_in_parts = False
    looks = 0  # how often housekeeping has looked at it

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made, self.gave_way = loop.create_future(), loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self.made.set_result(None)

    def pause_writing(self) -> None:
        self.paused = True

    @property
    def unread(self) -> int:
        self.looks += 1
        return self.transport.get_write_buffer_size()

    async def fill(self) -> None:
        while self.transport.get_write_buffer_size() < LITTLE:
            self.transport.write(bytes(4096))
            await asyncio.sleep(0)

    def evict(self) -> None:
        self.gave_way.set_result(None)

    def reset(self) -> None:
        self.was_reset = True


def swept(budget_size: int, check: Callable[[UnreadConnection, MemoryBudget, socket.socket], Awaitable[None]]) -> None:
    """Runs *check* beside housekeeping, which looks all the time."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        connection = UnreadConnection()
        server = await loop.create_server(lambda: connection, "127.0.0.1", 0)
        budget = MemoryBudget(loop.time, budget_size, budget_size)
        connections = OpenConnections(loop)
        connections.add(connection)  # type: ignore[arg-type]  # as far as it is swept
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, server.sockets[0].getsockname())
            await asyncio.wait_for(connection.made, TIMEOUT)
            await asyncio.wait_for(connection.fill(), TIMEOUT)
            state = ServiceState(loop, HostConfig())
            renewal = TokenRenewal(None, Auth(None), Properties(state.config, state.send_to_workers), connections)
            sweeper = housekeeping.Housekeeping(
                state, connections, ResponseHeadCache("text/plain"), budget, GrowthLog(state), renewal
            )
            await check(connection, budget, client)
            sweeper.close()
            assert not connection.paused
        connection.transport.abort()
        server.close()

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_SECONDS", 0.01)


def test_client_with_unread_bytes_beyond_the_budget_is_evicted() -> None:
    async def check(connection: UnreadConnection, _budget: MemoryBudget, _client: socket.socket) -> None:
        await asyncio.wait_for(connection.gave_way, TIMEOUT)

    swept(LITTLE, check)


def test_budget_is_free_again_once_the_client_has_read() -> None:
    async def check(_connection: UnreadConnection, budget: MemoryBudget, client: socket.socket) -> None:
        whole = budget.size
        loop = asyncio.get_running_loop()

        async def until(free: bool) -> None:
            while budget.reserve_for_decompression(whole) != free:
                await asyncio.sleep(0)
                budget.decompressing = 0
            budget.decompressing = 0

        await asyncio.wait_for(until(free=False), TIMEOUT)
        reading = asyncio.ensure_future(_read_all(loop, client))
        await asyncio.wait_for(until(free=True), TIMEOUT)
        reading.cancel()

    swept(1 << 20, check)


@pytest.mark.parametrize("in_parts", [False, True])
def test_client_that_always_has_something_to_read_is_reset_unless_more_is_made_for_it(
    monkeypatch: pytest.MonkeyPatch, in_parts: bool
) -> None:
    """Of an answer in parts more follows as soon as some was read, however steadily its client reads."""
    monkeypatch.setattr(housekeeping, "STALLED_SECONDS", 0.05)
    was_reset = []

    async def check(connection: UnreadConnection, _budget: MemoryBudget, _client: socket.socket) -> None:
        connection.answers_in_parts = in_parts
        seen = connection.looks

        async def until_looked() -> None:
            while connection.looks < seen + 20:  # noqa: ASYNC110  0.01 s lie between two
                await asyncio.sleep(0)

        await asyncio.wait_for(until_looked(), TIMEOUT)
        was_reset.append(connection.was_reset)

    swept(1 << 30, check)
    assert was_reset == [not in_parts]


async def _read_all(loop: asyncio.AbstractEventLoop, client: socket.socket) -> None:
    while await loop.sock_recv(client, 65536):
        pass


def test_freed_heap_memory_is_returned_to_the_system() -> None:
    """The heap has holes, since blocks behind them are in use, so that malloc gives nothing back by itself."""
    del_first = bytes(31 * MIB)  # from here on blocks of that size come from the heap, too
    del del_first

    async def check(_connection: UnreadConnection, _budget: MemoryBudget, _client: socket.socket) -> None:
        blocks = [b"x" * 512 * 1024 for _ in range(400)]  # of zeros the system would keep none
        whole = memory.private_bytes()
        del blocks[::2]

        async def until_given_back() -> None:
            while memory.private_bytes() > whole - 90 * MIB:  # noqa: ASYNC110  the system tells nobody
                await asyncio.sleep(0)

        await asyncio.wait_for(until_given_back(), TIMEOUT)

    swept(1 << 30, check)
