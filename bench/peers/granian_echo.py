"""
The echo for granian, over its own interface RSGI.
"""

from __future__ import annotations

from typing import Any

from work import work

_HEAD = [("content-type", "application/octet-stream")]


async def app(scope: Any, protocol: Any) -> None:
    """
    Answer with what was sent.
    """
    body = await protocol()
    work()
    protocol.response_bytes(200, _HEAD, body)
