"""
The echo for BentoML: one body of bytes in, one out.
"""

from __future__ import annotations

import os
from typing import Annotated

import bentoml
from bentoml.validators import ContentType
from work import work

Bytes = Annotated[bytes, ContentType("application/octet-stream")]


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), logging={"access": {"enabled": False}})
class Echo:
    """
    Answers with what it was sent.
    """

    @bentoml.api(route="/predict")
    async def predict(self, data: Bytes, /) -> Bytes:
        """
        Return *data*.
        """
        work()
        return data
