"""
Requests as a client sends them that signs: date, length, digest and signature differ from one to the next.

They are made beforehand and written to a file that wrk reads, so that it takes no longer to send them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from pathlib import Path
from typing import Final

from servers.server import Server
from servers.tools import TOKEN

_REQUESTS: Final = 4096
_MOST_BYTES: Final = 64 << 20
"""Of all requests: large bodies have fewer of them, 16 at least."""
_LENGTHS: Final = 16
_DAY: Final = 86_400


def write_requests(path: Path, server: Server, size: int) -> None:
    """
    Write requests for *server* with bodies of at most *size* bytes to *path*, each behind its own size in a line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number in range(max(_LENGTHS, min(_REQUESTS, _MOST_BYTES // max(size, 1)))):
            request = _request(number, server, b"x" * (size - number % max(1, min(size, _LENGTHS))))
            file.write(b"%d\n%b" % (len(request), request))


def _request(number: int, server: Server, body: bytes) -> bytes:
    """
    Make request *number*, signed as EAS's client SDKs do it (docs/eas-compatibility.md, section 5).
    """
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(number * _DAY))
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    kind = "application/octet-stream"
    text = f"POST\n{digest}\n{kind}\n{date}\n{server.path}"
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()
    lines = [
        f"POST {server.path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {kind}",
        f"Content-MD5: {digest}",
        f"Date: {date}",
        f"Authorization: EAS {signature}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in server.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
