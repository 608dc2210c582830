"""
What the host itself answers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TEXT: Final = "text/plain; charset=utf-8"


class ErrorResponse:
    """
    An answer of the host itself: a status, one line of text, further header lines, and whether the connection closes.
    """

    __slots__ = ("close", "extra", "status", "text")

    def __init__(self, status: int, text: str, *, extra: str = "", close: bool = False) -> None:
        self.status = status
        self.text = text
        self.extra = extra
        self.close = close

    def closing(self) -> ErrorResponse:
        """
        The same, but the connection closes.
        """
        return self if self.close else ErrorResponse(self.status, self.text, extra=self.extra, close=True)


class Response(NamedTuple):
    """
    What a builtin handler answers: a *status*, a *body* of *content_type*, *extra* header lines that end in CRLF each,
    and whether the connection closes.
    """

    status: int
    body: bytes
    content_type: str = TEXT
    extra: str = ""
    close: bool = False
