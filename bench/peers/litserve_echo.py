"""
The echo for LitServe: bytes in, the same bytes out, without the JSON that it would read and write by default.

    python litserve_echo.py PORT API_SERVERS BATCH

LitServe reads annotations when it runs, so they are no strings here.
"""

import sys
from typing import Annotated, Any

import litserve
from fastapi import Body, Response
from work import work

_SHORTEST_WAIT = 0.001
"""Seconds that a batch waits to be filled, as mosec's does."""


class Echo(litserve.LitAPI):
    """
    Answers with what it was sent: one request, or a list of them where it runs in batches.
    """

    def setup(self, device: str) -> None:
        """
        There is nothing to load.
        """

    def decode_request(self, request: Annotated[bytes, Body()]) -> bytes:
        """
        Take the body as it is.
        """
        return request

    def batch(self, inputs: Any) -> Any:
        """
        Make a batch of *inputs*: their list.
        """
        return inputs

    def predict(self, x: Any) -> Any:
        """
        Return *x*.
        """
        work(len(x) if isinstance(x, list) else 1)
        return x

    def unbatch(self, output: Any) -> Any:
        """
        Make a list of a batch: it is one.
        """
        return output

    def encode_response(self, output: bytes) -> Response:
        """
        Send the answer as it is.
        """
        return Response(output, media_type="application/octet-stream")


if __name__ == "__main__":
    port, api_servers, batch = map(int, sys.argv[1:])
    echo = Echo(max_batch_size=batch, batch_timeout=_SHORTEST_WAIT if batch > 1 else 0.0)
    # fast_queue: what its documentation advises above 100 requests a second.
    server = litserve.LitServer(echo, accelerator="cpu", devices=1, workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=api_servers,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
