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

TOKEN: Final = "bench"  # noqa: S105  no secret
_REQUESTS: Final = 4096
_LENGTHS: Final = 16
_DAY: Final = 86_400


def write_requests(path: Path, size: int) -> None:
    """
    Write requests with bodies of at most *size* bytes to *path*, each behind its own size in a line.
    """
    with path.open("wb") as file:
        for number in range(_REQUESTS):
            request = _request(number, b"x" * (size - number % min(size, _LENGTHS)))
            file.write(b"%d\n%b" % (len(request), request))


def _request(number: int, body: bytes) -> bytes:
    """
    Make request *number*, signed as EAS's client SDKs do it (docs/eas-compatibility.md, section 5).
    """
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(number * _DAY))
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    kind = "application/octet-stream"
    text = f"POST\n{digest}\n{kind}\n{date}\n/"
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()
    lines = [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {kind}",
        f"Content-MD5: {digest}",
        f"Date: {date}",
        f"Authorization: EAS {signature}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
