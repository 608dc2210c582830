"""
Which request targets reach the processor.

`/api/predict/<name>` and everything below it do, and so does, as in EAS's local test, any other path (compatibility.md,
section 3.5). `/api/builtin/` belongs to the host.
"""

from __future__ import annotations

from typing import Final

from eas_host.front.exchange import Refusal

_BUILTIN: Final = b"/api/builtin"
_ALLOWED: Final = frozenset({b"GET", b"HEAD", b"POST"})
_NOT_ALLOWED: Final = Refusal(405, "the method is not allowed; use POST or GET", extra="Allow: GET, HEAD, POST\r\n")


def refuse(method: bytes, url: bytes) -> Refusal | None:
    """
    Say why a request for *url* with *method* does not reach the processor; None if it does.
    """
    if url.startswith(_BUILTIN) or not url.startswith(b"/"):
        path = _path(url)
        if path == _BUILTIN or path.startswith(_BUILTIN + b"/"):
            return Refusal(404, f"there is no builtin handler at {path.decode('ascii', 'replace')}")
    if method not in _ALLOWED:
        return _NOT_ALLOWED
    return None


def _path(url: bytes) -> bytes:
    """
    Cut the query, and the scheme and authority of an absolute target (RFC 9112, section 3.2.2).
    """
    path = url.partition(b"?")[0]
    _, scheme, rest = path.partition(b"://")
    if scheme and not path.startswith(b"/"):
        path = b"/" + rest.partition(b"/")[2]
    return path
