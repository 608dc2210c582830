"""
The echo for uvicorn: ASGI without a framework.
"""

from __future__ import annotations

from typing import Any

from work import work

_KIND = (b"content-type", b"application/octet-stream")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """
    Answer with what was sent.
    """
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    work()
    head = [_KIND, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
