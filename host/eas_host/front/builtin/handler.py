"""
What most builtin handlers share.

A handler gets a complete request and answers it in place of the processor, on the front's thread: it must be quick.
Who may ask is decided in two steps: a handler that is not `public` is reached with the token only, if there is one;
where there is none, `front.admission.access` decides.
"""

from __future__ import annotations

import json
from typing import Any, Final

from eas_host.answers import AnswerKind
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse, Response
from eas_host.front.admission.access import Access

JSON: Final = "application/json"
READING: Final = frozenset({b"GET", b"HEAD"})
WRITING: Final = frozenset({b"POST"})

SMALL_BODY: Final = 256 * 1024
"""Bytes of the largest body of a handler that reads it itself: a thousand metrics, parsed in a few milliseconds."""

_LONG_NUMBER: Final = 18
"""Digits up to which a number is read as an integer; Python takes quadratic time for very long ones."""


class Builtin:
    """
    Superclass of the handlers under `/api/builtin/`; *access* decides who may ask.

    Attributes:
        changes: the methods that change something, or that make the host do more than answer.
    """

    public = False
    methods = READING | WRITING
    max_body = SMALL_BODY
    forwards_body = False
    changes: frozenset[bytes] = frozenset()

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer *exchange*, if its client may ask for that.
        """
        error_response = self._access.refuse(exchange, changes=exchange.head.method in self.changes)
        return self.answer(exchange, body) if error_response is None else refused(error_response)

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer *exchange*, as `Handler.__call__`.
        """
        raise NotImplementedError


def refused(error_response: ErrorResponse) -> Response:
    """
    Make an answer of *error_response*.
    """
    return error_response.response(verbose=False)


def text(kind: AnswerKind, line: str) -> Response:
    """
    Make an answer of that *kind*, of one line of text, or of several.
    """
    return Response(kind.status, f"{line}\n".encode("utf-8", "backslashreplace"))


def as_json(value: Any) -> Response:  # noqa: ANN401  whatever JSON can hold
    """
    Make an answer of *value* as JSON, indented for people.
    """
    return Response(200, json.dumps(value, indent=2).encode() + b"\n", JSON)


def read_json(body: bytes) -> Any:  # noqa: ANN401  whatever JSON can hold
    """
    Read *body* as JSON; it may come from anybody.

    Raises:
        ValueError: it is not JSON; the text says why.
    """
    try:
        return json.loads(body, parse_constant=_no_number, parse_int=_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError("the body is not JSON: it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error


def _no_number(word: str) -> float:
    raise ValueError(f"the body is not JSON: {word} is no number")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONG_NUMBER else float(digits)
