"""
The echo for LitServe: bytes in, the same bytes out, without the JSON that it would read and write by default.

    python litserve_echo.py PORT API_SERVERS

LitServe reads annotations when it runs, so they are no strings here.
"""

import sys
from typing import Annotated

import litserve
from fastapi import Body, Response
from work import work


class Echo(litserve.LitAPI):
    """
    Answers with what it was sent.
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

    def predict(self, x: bytes) -> bytes:
        """
        Return *x*.
        """
        work()
        return x

    def encode_response(self, output: bytes) -> Response:
        """
        Send the answer as it is.
        """
        return Response(output, media_type="application/octet-stream")


if __name__ == "__main__":
    port, api_servers = map(int, sys.argv[1:])
    # fast_queue: what its documentation advises above 100 requests a second.
    server = litserve.LitServer(Echo(), accelerator="cpu", devices=1, workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=api_servers,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
