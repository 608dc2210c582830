"""
What EAS's clients send to show that they know the token (docs/eas-compatibility.md, section 5.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

TOKEN = "abc123=="  # noqa: S105 - everybody may know it
DATE = "Tue, 02 Jan 2024 03:04:05 GMT"
OCTETS = "application/octet-stream"


class Vector(NamedTuple):
    """
    What a client of EAS sends for *body* when its token is *token*.
    """

    name: str
    token: str
    path: str
    body: bytes
    content_md5: str
    signature: str


VECTORS = [
    Vector(
        "python",
        TOKEN,
        "/api/predict/echo",
        b"hello",
        "5d41402abc4b2a76b9719d911017c592",
        "e4go/ZcJACkyHBK+oK/wDsiDxQ8=",
    ),
    Vector(
        "python, a service with a sub-path, no body",
        "tok",
        "/api/predict/pttest/model1",
        b"",
        "d41d8cd98f00b204e9800998ecf8427e",
        "dTwiJIoHccigGlOF7aSvn4agW9Y=",
    ),
    Vector(
        "java, whose MD5 loses its leading zero",
        TOKEN,
        "/api/predict/echo",
        b"a",
        "cc175b9c0f1b6a831c399e269772661",
        "jRsLg+VMYLwU1bVSvzj65OFz/Vw=",
    ),
]


def sign(token: str, path: str, *headers: str, method: str = "POST") -> str:
    """An Authorization as the clients make it over the *headers* Content-MD5, Content-Type and Date."""
    text = "\n".join([method, *headers, path])
    return f"EAS {base64.b64encode(hmac.digest(token.encode(), text.encode(), 'sha1')).decode()}"


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
