"""
The echo for Ray Serve.

    python ray_echo.py PORT REPLICAS
"""

import signal
import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response
from work import work


@serve.deployment(max_ongoing_requests=64)
class Echo:
    """
    Answers with what it was sent.
    """

    async def __call__(self, request: Request) -> Response:
        """
        Return the body.
        """
        body = await request.body()
        work()
        return Response(body, media_type="application/octet-stream")


if __name__ == "__main__":
    port, replicas = map(int, sys.argv[1:])
    # A replica takes one of Ray's CPUs, whether it uses it or not.
    ray.init(num_cpus=replicas + 1, include_dashboard=False, log_to_driver=False, logging_level="error")
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Echo.options(num_replicas=replicas).bind(), logging_config={"enable_access_log": False})
    signal.pause()
