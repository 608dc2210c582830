"""
Secrets in URLs: which parts of a query are some, by their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, unquote_plus

MASK: Final = "****"
SECRET: Final = re.compile(
    r"signature|^sig(n)?$|token|secret|passw|credential|access[_-]?key|api[_-]?key|^key$|auth|^pwd$", re.IGNORECASE
)
LONG_SECRET: Final = 6
"""Letters. A shorter one stands in many a word, so it is only known by where it is."""

_SEPARATOR: Final = re.compile("([&;])")


def masked(target: str, secrets: Iterable[str]) -> str:
    """
    The *target* of a request, as it may be logged: without the values of those parameters that are secrets by their
    names, and without the *secrets* that are known, wherever they stand.
    """
    path, _, query = target.partition("?")
    if "=" in query:
        target = f"{path}?{''.join(map(_masked_pair, _SEPARATOR.split(query)))}"
    for secret in secrets:
        if len(secret) >= LONG_SECRET:
            target = target.replace(secret, MASK)
            if secret in unquote_plus(target) or secret in unquote(target):
                target = MASK  # it is coded in some way
    return target


def _masked_pair(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return f"{name}={MASK}" if sign and SECRET.search(unquote_plus(name)) else pair
