"""
The HTTP statuses of answers, and the one place where a processor's return code becomes one.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

OK: Final = 200
BAD_REQUEST: Final = 400
QUEUE_FULL: Final = 450
"""EAS's own status for a full queue; no registry knows it (docs/eas-compatibility.md, section 4.2)."""


class Statuses(dict[int, int]):
    """
    The HTTP status of each code that is recognised, and 400 for any other. *unrecognised* is called with each of the
    others that is looked up.
    """

    def __init__(self, unrecognised: Callable[[int], None] | None = None) -> None:
        super().__init__({status.value: status.value for status in HTTPStatus if status >= OK})
        self[0] = OK
        self[QUEUE_FULL] = QUEUE_FULL
        self._unrecognised = unrecognised

    def __missing__(self, code: int) -> int:
        if self._unrecognised is not None:
            self._unrecognised(code)
        return BAD_REQUEST


HTTP_STATUS: Final = Statuses()
"""The HTTP status of a processor's return code: the rule of `http_status`, for code that runs for each request."""
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT.value, HTTPStatus.NOT_MODIFIED.value})
"""Statuses whose responses have no body (RFC 9110, sections 15.3.5 and 15.4.5)."""


def http_status(code: int) -> int:
    """
    Turn a processor's return *code* into an HTTP status.

    0 and 200 are success. A registered final status (200 to 599) and EAS's 450 pass through. Everything else, negative
    numbers included, is not recognised and becomes 400 (docs/eas-compatibility.md, section 1.3).
    """
    return HTTP_STATUS[code]
