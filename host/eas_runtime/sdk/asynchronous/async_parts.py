"""
Answers in parts that are made in the event loop: by an async generator, or by an iterator that a coroutine returns.

A part for which the ring has no room waits for the client as a future, so a slow client keeps neither a thread nor the
loop. The iterator is closed when it has ended, whatever ends it.
"""

import asyncio
from typing import Any, AsyncIterator, Callable, Iterator

from eas_runtime.ring import PART_CLOSED, PART_FULL, PART_SIZE, WorkerRing
from eas_runtime.sdk.asynchronous.async_call import AsyncCall

_TURN_PARTS = 64
"""After so many parts other tasks have their turn, even if neither the parts nor the client are waited for."""


class AsyncParts:
    """
    Sends parts over *ring*. *encode* makes bytes of a part.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: WorkerRing, encode: "Callable[[Any], bytes]") -> None:
        self._loop = loop
        self._ring = ring
        self._encode = encode

    async def send(self, one: AsyncCall, parts: Any, status: int) -> None:  # noqa: ANN401  either kind of iterator
        """
        Answer *one* with *parts*, and complete it.
        """
        call = one.call
        try:
            count = 0
            async for part in parts if hasattr(parts, "__anext__") else _each(parts):
                if not await self._send_part(one, status, self._encode(part)):
                    break
                count += 1
                if count % _TURN_PARTS == 0:
                    await asyncio.sleep(0)
        finally:
            await _close(parts)
        self._ring.end_parts(call, status)

    async def _send_part(self, one: AsyncCall, status: int, data: bytes) -> bool:
        """
        Send *data*, as fast as the client reads. Returns False if nobody waits for it any more.
        """
        at = 0
        while at < len(data):
            # As for `StreamedAnswers`: all that is left of a large part would be a large copy.
            result, sent = self._ring.send_part(one.call, status, data[at : at + PART_SIZE])
            at += sent
            if result == PART_CLOSED:
                return False
            if result == PART_FULL:
                one.room = self._loop.create_future()
                try:
                    await one.room
                finally:
                    one.room = None
        return True


async def _each(parts: "Iterator[Any]") -> "AsyncIterator[Any]":
    for part in parts:
        yield part


async def _close(parts: Any) -> None:  # noqa: ANN401  either kind of iterator
    if hasattr(parts, "aclose"):
        await parts.aclose()
    elif hasattr(parts, "close"):
        parts.close()
