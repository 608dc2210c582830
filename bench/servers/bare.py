"""
The baseline of the benchmark: uvloop and httptools, an echo in `on_message_complete`, and nothing else.

No limits, no time-outs, no errors: what remains is the price of HTTP itself in Python, the least that any
front built on these two libraries can cost. Everything that the host adds is measured against it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Final, cast

import httptools
import uvloop

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%b"

_WORK_S: Final = int(os.environ.get("BENCH_WORK_US", "0")) / 1e6


class Echo(asyncio.Protocol):
    """
    One connection; httptools calls the `on_` methods while it is fed.
    """

    __slots__ = ("_chunks", "_parser", "_transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Begin to parse.
        """
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._chunks: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """
        Feed the parser.
        """
        self._parser.feed_data(data)

    def on_body(self, chunk: bytes) -> None:
        """
        Keep a part of the request's body.
        """
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """
        Answer with the body.
        """
        if _WORK_S:
            end = time.thread_time() + _WORK_S
            while time.thread_time() < end:
                pass
        body = b"".join(self._chunks)
        self._chunks.clear()
        self._transport.write(_HEAD % (len(body), body))


async def main(port: int) -> None:
    """
    Serve on the loopback interface's *port* until killed.
    """
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
