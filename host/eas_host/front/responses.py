"""
What the host itself answers.
"""

from __future__ import annotations

from typing import NamedTuple

from eas_host.front.wire import TEXT


class Refusal:
    """
    An answer of the host itself: a status, one line of text, further header lines, and whether the connection closes.
    """

    __slots__ = ("close", "extra", "status", "text")

    def __init__(self, status: int, text: str, *, extra: str = "", close: bool = False) -> None:
        self.status = status
        self.text = text
        self.extra = extra
        self.close = close

    def closing(self) -> Refusal:
        """
        The same, but the connection closes.
        """
        return self if self.close else Refusal(self.status, self.text, extra=self.extra, close=True)


class Answer(NamedTuple):
    """
    What a builtin handler answers: a *status*, a *body* of *content_type*, *extra* header lines that end in CRLF each,
    and whether the connection closes.
    """

    status: int
    body: bytes
    content_type: str = TEXT
    extra: str = ""
    close: bool = False
