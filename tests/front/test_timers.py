"""
Repeated work of the event loop goes on when one of its items fails.
"""

from __future__ import annotations

import asyncio

import pytest

from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.front.deadlines import Deadlines
from eas_host.workers.read_quota import ReadQuota
from support import TIMEOUT


class Connection:
    """Knows whether it was reset."""

    was_reset = False

    def reset(self) -> None:
        self.was_reset = True


def test_failing_time_out_of_one_request_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The request costs its connection; those that are due with it, and those that come later, end in time."""
    connections = [Connection() for _ in range(3)]
    ended: list[Exchange] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        last = loop.create_future()
        now = loop.time()
        exchanges = [Exchange(one, now, RequestHead()) for one in connections]  # type: ignore[arg-type]  # all that is used

        def expire(exchange: Exchange) -> None:
            if exchange is exchanges[0]:
                raise MemoryError("no room for a refusal")
            ended.append(exchange)
            if len(ended) == 2:
                last.set_result(None)

        deadlines = Deadlines(loop, 0.01, expire)
        deadlines.open.update(dict.fromkeys(exchanges))
        await asyncio.wait_for(last, TIMEOUT)
        deadlines.close()

    asyncio.run(run())
    assert [connection.was_reset for connection in connections] == [True, False, False]
    assert "no room for a refusal" in caplog.text


def test_failing_reader_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The others that wait for their turn have it."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        resumed = loop.create_future()

        def fail() -> None:
            raise MemoryError("no room for a line")

        quota = ReadQuota(loop)
        quota.wait(fail)
        quota.wait(lambda: resumed.set_result(None))
        await asyncio.wait_for(resumed, TIMEOUT)

    asyncio.run(run())
    assert "no room for a line" in caplog.text
