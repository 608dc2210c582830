"""
Request targets, and which methods reach the processor.

`/api/predict/<name>` and everything below it reach the processor, and so does, as in EAS's local test, any other path
that `front.builtin` does not answer (docs/eas-compatibility.md, sections 3.7 and 4.1).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from eas_host import answers
from eas_host.dispatch.responses import ErrorResponse

PREDICT_METHODS: Final = frozenset({b"GET", b"HEAD", b"POST"})


def refuse(method: bytes, allowed: frozenset[bytes]) -> ErrorResponse | None:
    """
    Say why a request with *method* is refused where only the methods *allowed* are; None if it is not.
    """
    if method in allowed:
        return None
    names = [name.decode() for name in sorted(allowed)]
    text = f"the method is not allowed; use {' or '.join(name for name in reversed(names) if name != 'HEAD')}"
    return ErrorResponse(answers.WRONG_METHOD, text, extra=f"Allow: {', '.join(names)}\r\n")


def path_of(target: bytes) -> bytes:
    """
    Return the path of *target*: without the query, and without the scheme and authority of an absolute target (RFC
    9112, section 3.2.2).
    """
    path = target.partition(b"?")[0]
    if path[:1] == b"/":
        return path
    _, scheme, rest = path.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else path


def query_of(target: bytes) -> dict[str, str]:
    """
    Read the query of *target*; of a repeated name the last value counts.
    """
    return dict(parse_qsl(target.partition(b"?")[2].decode("ascii", "replace"), keep_blank_values=True))
