"""
Masks secrets in URLs: parameters of a query whose names say that they are secret, and tokens that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, unquote_plus

MASK: Final = "****"
SECRET_NAME: Final = re.compile(
    r"signature|^sig(n)?$|token|secret|passw|credential|access[_-]?key|api[_-]?key|^key$|auth|^pwd$", re.IGNORECASE
)
MIN_SECRET_LENGTH: Final = 6
"""Characters. A shorter secret may be part of an ordinary word, so it is masked by the parameter's name only."""

_SEPARATOR: Final = re.compile("([&;])")


def mask_secrets(target: str, secrets: Iterable[str]) -> str:
    """
    Return the *target* of a request in a form that may be logged: without the values of parameters whose names say that
    they are secret, and without the known *secrets*, wherever they are.
    """
    path, _, query = target.partition("?")
    if "=" in query:
        target = f"{path}?{''.join(map(_masked_pair, _SEPARATOR.split(query)))}"
    for secret in secrets:
        if len(secret) >= MIN_SECRET_LENGTH:
            target = target.replace(secret, MASK)
            if secret in unquote_plus(target) or secret in unquote(target):
                target = MASK  # it contains a secret in some encoding
    return target


def _masked_pair(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return f"{name}={MASK}" if sign and SECRET_NAME.search(unquote_plus(name)) else pair
