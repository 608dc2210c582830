"""
One request and its response.

An exchange is born with its request's first byte, which starts its deadline, and ends with the last byte handed to the
transport. In between it is read by its connection, then waits or runs in a slot of the ring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from eas_host.front.wire import TEXT

SAME_EACH_TIME: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"date", b"host", b"sec-fetch-site"}
)
"""Headers that ask nothing of a request beyond what was decided when its head was read first."""

if TYPE_CHECKING:
    from _hashlib import HASH

    from eas_host.front.backend import Backend
    from eas_host.front.builtin.handler import Handler
    from eas_host.front.connection import Connection
    from eas_host.front.upload import Upload


class Head:
    """
    What the head of a request says. Clients repeat theirs from request to request, so one may serve many exchanges.

    Attributes:
        url: the request target, as sent.
        method: the request's method.
        keep_alive: whether the connection may serve another request.
        plain: whether it is kept without saying so, and the answer's body is sent: HTTP/1.1, and not HEAD.
        version: the HTTP version, such as `1.1`.
        http_10: whether that is 1.0.
        size: bytes of its field names and values.
        fields: those header values that the host looks at, by lower-case name.
        refusal: with what the host itself answers every such request, if it does.
        handler: what answers in place of the processor, if something does.
        coding: how the body is packed, if it is (`front.unpack`).
        content_md5: the digest that the body must have, as the client wrote it, if a signature covers it.
        backend: whose processor answers it.
        cors: header lines that let the page which sent it read the answer, if it is one and may.
    """

    __slots__ = (
        "backend",
        "coding",
        "content_md5",
        "cors",
        "fields",
        "handler",
        "http_10",
        "keep_alive",
        "method",
        "plain",
        "refusal",
        "size",
        "url",
        "version",
    )

    def __init__(self) -> None:
        self.url = b""
        self.method = b""
        self.keep_alive = False
        self.plain = False
        self.version = ""
        self.http_10 = False
        self.size = 0
        self.fields: dict[bytes, bytes] = {}
        self.refusal: Refusal | None = None
        self.handler: Handler | None = None
        self.coding: str | None = None
        self.content_md5: bytes | None = None
        self.cors = ""
        self.backend: Backend = None  # type: ignore[assignment]  # set before anybody asks

    @property
    def detour(self) -> bool:
        """
        Whether its requests go through the intake, rather than straight to the processor.
        """
        return self.handler is not None or self.coding is not None or self.content_md5 is not None

    @property
    def counts(self) -> bool:
        """
        Whether its requests are load of the service: those of probes and scrapers are not.
        """
        return self.handler is None or self.handler.hands_on


class Exchange:
    """
    The state of one exchange. Most of it keeps its default for most requests, so the defaults live in the class.

    Attributes:
        connection: whose request this is.
        deadline: the loop's time by which it must be answered, in seconds.
        head: the request's head.
        body: the body, if it came in one piece.
        upload: where the body goes, if it came in several.
        size: bytes of the body so far.
        complete: whether the whole request has been read.
        refusal: with what the host itself answers, if it does.
        digest: the body's MD5 so far, where a signature covers it.
        slot: the slot it waits or runs in, -1 for none.
        alone_kills: how often a worker was killed from outside while this was all it ran.
    """

    upload: Upload | None = None
    size = 0
    refusal: Refusal | None = None
    digest: HASH | None = None
    slot = -1
    alone_kills = 0

    def __init__(
        self, connection: Connection, deadline: float, head: Head, body: bytes = b"", complete: bool = False
    ) -> None:
        self.connection = connection
        self.deadline = deadline
        self.head = head
        self.body = body
        self.complete = complete

    def take_body(self) -> bytes:
        """
        Take the whole body, wherever it is.
        """
        body, self.body = self.body, b""
        if self.upload is not None:
            body, self.upload = self.upload.take(), None
        return body


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
