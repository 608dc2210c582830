"""
The echo for mosec: bytes in, the same bytes out, nothing decoded and nothing encoded.

    python mosec_echo.py WORKERS BATCH [mosec's own options]
"""

from __future__ import annotations

import sys

from mosec import Server, Worker
from work import work

_SHORTEST_WAIT = 1
"""Milliseconds that a batch waits to be filled; 0 means mosec's default of 10."""


class Echo(Worker):
    """
    Answers with what it was sent: one request, or a list of them where it runs in batches.
    """

    resp_mime_type = "application/octet-stream"

    def deserialize(self, data: bytes) -> bytes:
        """
        Take the body as it is.
        """
        return data

    def forward(self, data: bytes | list[bytes]) -> bytes | list[bytes]:
        """
        Return *data*.
        """
        work(len(data) if isinstance(data, list) else 1)
        return data

    def serialize(self, data: bytes) -> bytes:
        """
        Send the answer as it is.
        """
        return data


if __name__ == "__main__":
    # mosec spawns its workers, which import this file again, and reads its own options from what is left.
    workers, batch = int(sys.argv.pop(1)), int(sys.argv.pop(1))
    server = Server()
    server.append_worker(Echo, num=workers, max_batch_size=batch, max_wait_time=_SHORTEST_WAIT if batch > 1 else 0)
    server.run()
