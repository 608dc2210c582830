"""
What the host itself answers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

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
    An answer of the host itself: a status, one line of text, further header lines, and whether the connection closes.
    *detail*, such as the processor's own frames, follows that line where the client may see it.
    """

    __slots__ = ("close", "detail", "extra", "status", "text")

    def __init__(self, status: int, text: str, *, detail: str = "", extra: str = "", close: bool = False) -> None:
        self.status = status
        self.text = text
        self.detail = detail
        self.extra = extra
        self.close = close

    def closing(self) -> ErrorResponse:
        """
        The same, but the connection closes.
        """
        if self.close:
            return self
        return ErrorResponse(self.status, self.text, detail=self.detail, extra=self.extra, close=True)

    def response(self, *, verbose: bool) -> Response:
        """
        Make the answer; a *verbose* one has the detail.
        """
        text = f"{self.text}\n{self.detail}" if verbose and self.detail else self.text
        return Response(self.status, text.encode("utf-8", "replace") + b"\n", extra=self.extra, close=self.close)
