"""
An HTTP server in the loop of a test, which answers as the test says, when the test says.

    async with AnsweringServer(answer) as server: ...

*answer* gets the number and the body of each request and returns the bytes to send; None ends the connection.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import uvloop

from eas_host.load.driver import Course
from eas_host.load.service import Requests, parse_url
from support import TIMEOUT

if TYPE_CHECKING:
    from typing_extensions import Self

Answer = Callable[[int, bytes], Awaitable["bytes | None"]]


def response(body: bytes = b"", status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run_in_loop(test: Coroutine[Any, Any, None]) -> None:
    """Runs *test* in a loop as that of the command, and ends what it has left waiting."""
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(test)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
    finally:
        loop.close()


async def at_once(_: int, body: bytes) -> bytes:
    """Answers with the body of the request."""
    return response(body)


class AnsweringServer:
    """
    Attributes:
        answer: makes the answers.
        bodies: of the requests that have come, in order.
        heads: theirs.
        under_way: how many have no answer yet; *most_under_way*: how many that were at most.
        connections: how many there were.
    """

    def __init__(self, answer: Answer = at_once) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.heads: list[bytes] = []
        self._end: tuple[int, asyncio.Future[None]] | None = None
        self.under_way = self.most_under_way = self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/predict/it?a=b"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop_listening()

    def stop_listening(self) -> None:
        """Refuses further connections."""
        self._server.close()

    def course(
        self,
        *bodies: bytes,
        seconds: float = 0.05,
        timeout: float = TIMEOUT,
        token: str | None = None,
        until: int | None = None,
    ) -> Course:
        """The course of a run; the request number *until*, if it is given, interrupts it and gets no answer."""
        service = parse_url(self.url)
        interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if until is not None:
            seconds = TIMEOUT
            self._end = (until, interrupted)
        return Course(service, Requests(service, bodies or (b"x",), token), seconds, timeout, interrupted)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
                assert found, head
                body = await reader.readexactly(int(found[1]))
                self.heads.append(head)
                self.bodies.append(body)
                if self._end is not None and len(self.bodies) == self._end[0]:
                    self._end[1].set_result(None)
                    await asyncio.Event().wait()
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                try:
                    answer = await self.answer(len(self.bodies), body)
                finally:
                    self.under_way -= 1
                if answer is None:
                    return
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()
