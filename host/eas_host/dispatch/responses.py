"""
What the host itself answers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from eas_host import answers
from eas_host.answers import AnswerKind

TEXT: Final = "text/plain; charset=utf-8"


class Response(NamedTuple):
    """
    What a builtin handler answers: a *status*, a *body* of *content_type*, *extra* header lines that end in CRLF each,
    and whether the connection closes. An answer that *streams* has no length: more of its body follows by
    `Responder.send_more`, and the end of the connection ends it.
    """

    status: int
    body: bytes
    content_type: str = TEXT
    extra: str = ""
    close: bool = False
    streams: bool = False


class ErrorResponse:
    """
    An answer of the host itself: its *kind*, which has the status, one line of text, and further header lines.
    *detail*, such as the processor's own frames, follows that line where the client may see it.

    Attributes:
        close: whether the connection closes.
    """

    __slots__ = ("_kind", "close", "detail", "extra", "text")

    def __init__(self, kind: AnswerKind, text: str, *, detail: str = "", extra: str = "") -> None:
        self._kind = kind
        self.text = text
        self.detail = detail
        self.extra = extra
        self.close = kind.closes

    @property
    def status(self) -> int:
        """
        The HTTP status.
        """
        return self._kind.status

    def closing(self) -> ErrorResponse:
        """
        The same, but the connection closes.
        """
        if self.close:
            return self
        return ErrorResponse(self._kind._replace(closes=True), self.text, detail=self.detail, extra=self.extra)

    def response(self, *, verbose: bool) -> Response:
        """
        Make the answer; a *verbose* one has the detail.
        """
        text = f"{self.text}\n{self.detail}" if verbose and self.detail else self.text
        return Response(self.status, text.encode("utf-8", "replace") + b"\n", extra=self.extra, close=self.close)


def internal_error() -> ErrorResponse:
    """
    Make the answer in place of one that a bug of ours has prevented.
    """
    return ErrorResponse(answers.INTERNAL, "internal error of the host; its log has the trace")
