"""
Header lines that a program or an operator wants with each answer (`rpc.http.default_headers`).

They are put between the host's own, so nothing may be in them that ends a line, or that decides where an answer ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from eas_host.config.option_types import header_value

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, section 5.6.2."""
_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CONTENT_TYPE: Final = "content-type"
_MAX_HEADERS: Final = 64
_MAX_SIZE: Final = 8 * 1024
_EXPECTED: Final = 'expected lines such as "X-Model: 3", or a JSON object of names and values'


def read_headers(text: str) -> tuple[tuple[str, str], ...]:
    """
    Read headers from *text*: lines `Name: value`, or a JSON object. No text means none.

    Raises:
        ValueError: one of them cannot be sent; the text says why.
    """
    pairs = _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)
    headers = tuple((_checked_name(name), _checked_value(name, value)) for name, value in pairs)
    if len(headers) > _MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > _MAX_SIZE:
        raise ValueError(f"expected {_MAX_HEADERS} headers and {_MAX_SIZE} bytes at most")
    if sum(name.lower() == _CONTENT_TYPE for name, _ in headers) > 1:
        raise ValueError("there are two Content-Type headers")
    return headers


def _from_lines(text: str) -> list[tuple[str, str]]:
    pairs = []
    # Only CRLF and LF end a line here. str.splitlines knows more endings, which must not get into a header unseen.
    for line in text.replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            pairs.append((name, value))
        elif line.strip():
            raise ValueError(f"{line[:100]!r} is no header; {_EXPECTED}")
    return pairs


def _from_json(text: str) -> Iterable[tuple[str, Any]]:
    try:
        headers = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}; {_EXPECTED}") from error
    pairs: Iterable[tuple[str, Any]] = headers.items()
    return pairs


def _checked_name(name: str) -> str:
    name = name.strip(" \t")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} is no header's name; {_EXPECTED}")
    if name.lower() in _OURS:
        raise ValueError(f"{name} is the host's own; leave it out")
    return name


def _checked_value(name: str, value: Any) -> str:  # noqa: ANN401  what JSON holds
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name}: expected a text or a number")  # noqa: TRY004  the caller's ValueError, as all of them
    try:
        return header_value(str(value).strip(" \t"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
