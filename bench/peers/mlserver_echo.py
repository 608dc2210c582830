"""
The echo for MLServer: a runtime with a handler of its own, so that nothing is JSON.
"""

from __future__ import annotations

from fastapi import Request, Response
from mlserver import MLModel
from mlserver.handlers import custom_handler
from work import work


class Echo(MLModel):
    """
    Answers with what it was sent.
    """

    async def load(self) -> bool:
        """
        There is nothing to load.
        """
        return True

    @custom_handler(rest_path="/predict")
    async def predict_bytes(self, request: Request) -> Response:
        """
        Return the body.
        """
        body = await request.body()
        work()
        return Response(body, media_type="application/octet-stream")
