"""
One request and its response.

An exchange begins with its request's first byte, which starts its deadline, and ends with the last byte handed to the
transport. In between its connection reads the request, which then waits or runs in a slot of the ring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

from eas_host.dispatch.body_buffer import BodyBuffer, BodyBufferPool
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.dispatch.responses import ErrorResponse, Response

NO_PEER: Final = "-"
"""The peer of a responder that is no connection."""
FORWARDED: Final = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})
"""Header fields of proxies: the client is not who has connected."""
REQUEST_ID: Final = b"x-request-id"
"""The header field by which a client finds its request in the log."""

if TYPE_CHECKING:
    from _hashlib import HASH

    from eas_host.ring import FrontRing


class Responder(Protocol):
    """
    Whoever waits for the answer to an exchange: a connection, or what stands in for one (`front.detached_requests`).

    Attributes:
        peer: the client's address, for the log.
    """

    peer: str

    def send_response(self, exchange: Exchange, status: int, body: bytes | LargeOutput) -> None:
        """
        Send the processor's answer.
        """

    def send_parts(self, exchange: Exchange, status: int, read: Callable[[], bytes]) -> None:
        """
        Send what *read* returns, which is more of the processor's answer, or its beginning, as soon as the client
        takes it.
        """

    def end_parts(self, exchange: Exchange, status: int, rest: bytes) -> None:
        """
        Send the *rest* of the processor's answer, which came in parts.
        """

    def send_error(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        Send *error_response*, since the processor does not answer. An answer that has begun in parts is cut.
        """

    def send_host_response(self, exchange: Exchange, answer: Response) -> None:
        """
        Send *answer*, which the host gives in place of the processor.
        """

    def time_out(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        End *exchange* with *error_response*, whatever state it is in.
        """

    def send_more(self, data: bytes) -> bool:
        """
        Send *data* after an answer that streams. Returns False, and ends, if its client has not read what it was sent.
        """

    def end_stream(self) -> None:
        """
        End an answer that streams.
        """

    def is_active(self, exchange: Exchange) -> bool:
        """
        Tell whether *exchange* still waits for its answer, or for more of it.
        """

    def reset(self) -> None:
        """
        End without an answer, after an internal error.
        """

    def socket_address(self, which: str) -> tuple[str, int] | None:
        """
        Return the address of one end, `peername` or `sockname`, if there is a socket.
        """


class Handler(Protocol):
    """
    Answers requests in place of the processor.

    Attributes:
        public: whether it may be asked without the token.
        methods: the methods that it knows; others answer 405.
        max_body: bytes of the largest body; a larger one answers 413.
        forwards_body: whether the body is for the processor, and so compressed as `rpc.decompressor` says.
    """

    public: bool
    methods: frozenset[bytes]
    max_body: int
    forwards_body: bool

    def __call__(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer *exchange*, whose whole body is *body*; None: the answer comes later, through its responder.
        """


class Destination(Protocol):
    """
    Where the requests for one processor go: its backend.

    Attributes:
        name: the model's name; None: it answers for the service itself.
        retired: whether another version has taken over.
        body_buffers: where bodies gather that arrive in pieces.
        ring_number: the plane's number of its ring.
        submit: queues an exchange whose request is complete. Returns an error response if that is not possible now.
    """

    name: str | None
    retired: bool
    body_buffers: BodyBufferPool
    submit: Callable[[Exchange], ErrorResponse | None]

    @property
    def ring_number(self) -> int:
        """
        See above.
        """

    def adopt(self, exchange: Exchange) -> None:
        """
        Take over the request in the slot of *exchange*, which the plane has submitted.
        """

    def submit_late(self, exchange: Exchange, age: float) -> ErrorResponse | None:
        """
        Submit *exchange*, which began *age* seconds ago.
        """

    def abandon(self, exchange: Exchange) -> None:
        """
        Take *exchange*, whose answer nobody waits for any more, out of the queue, or discard its answer.
        """

    def would_refuse(self) -> ErrorResponse | None:
        """
        Return how a request would be refused if it were submitted now, or None.
        """

    def refuse_stranded(self, exchange: Exchange) -> ErrorResponse | None:
        """
        Return an error response if *exchange* waits in the queue and no worker is there to take it.
        """


class Submitter(Protocol):
    """
    A dispatcher, as the fast path knows it.
    """

    def flush(self) -> None:
        """
        Wake a worker and drain, after requests were submitted.
        """


class FastPath(Protocol):
    """
    What submits requests and answers them without exchanges, as long as nobody needs to know of them: the data plane
    (`front.plane`).
    """

    def attach(self, ring: FrontRing, submitter: Submitter) -> int:
        """
        Let requests go to *ring*, whose *submitter* is called after that. Returns the ring's number.
        """

    def detach(self, number: int) -> None:
        """
        Forget the ring of that number.
        """

    def recall(self) -> None:
        """
        Have all requests that are under way without an exchange get one.
        """

    def pending(self) -> int:
        """
        How many events wait for `settle`.
        """

    def settle(self) -> None:
        """
        Have the requests that were handed up get exchanges, and handle what else has come up.
        """


class RequestHead:
    """
    What the head of a request says. Clients repeat theirs from request to request, so one may serve many exchanges.

    Attributes:
        url: the request target, as sent.
        method: the request's method.
        keep_alive: whether the connection may serve another request.
        plain: whether the answer needs no `Connection` header and has its body: HTTP/1.1, kept alive, and not HEAD.
        version: the HTTP version, such as `1.1`.
        http_10: whether that is 1.0.
        size: bytes of its field names and values.
        fields: those header values that the host looks at, by lower-case name.
        error_response: the host's own answer to every such request, if it gives one.
        handler: the handler that answers in place of the processor, if there is one.
        content_encoding: how the body is compressed, if it is (`front.admission.decompression`).
        content_md5: the digest that the body must have, as the client wrote it, if a signature covers it.
        backend: the backend whose processor answers it.
        cors: header lines that let the page that sent it read the answer; empty if no page did, or it may not.
    """

    __slots__ = (
        "backend",
        "content_encoding",
        "content_md5",
        "cors",
        "error_response",
        "fields",
        "handler",
        "http_10",
        "keep_alive",
        "method",
        "plain",
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
        self.error_response: ErrorResponse | None = None
        self.handler: Handler | None = None
        self.content_encoding: str | None = None
        self.content_md5: bytes | None = None
        self.cors = ""
        self.backend: Destination = None  # type: ignore[assignment]  # set before it is read

    def with_fields(self, fields: Mapping[bytes, bytes]) -> RequestHead:
        """
        Make a head that is the same but for the values of these *fields*.
        """
        other = RequestHead.__new__(RequestHead)
        for name, value in zip(RequestHead.__slots__, _all_of(self), strict=True):
            setattr(other, name, value)
        other.fields = {**self.fields, **fields}
        return other

    @property
    def detour(self) -> bool:
        """
        Whether its requests are preprocessed (`front.admission.preprocess`) instead of going straight to the processor.
        """
        return self.handler is not None or self.content_encoding is not None or self.content_md5 is not None

    @property
    def counts(self) -> bool:
        """
        Whether its requests count as load of the service; those of probes and scrapers do not.
        """
        return self.handler is None or self.handler.forwards_body


_all_of: Final = attrgetter(*RequestHead.__slots__)


class Exchange:
    """
    The state of one exchange. Most of it keeps its default for most requests, so the defaults live in the class.

    Attributes:
        responder: who waits for the answer.
        deadline: the loop's time by which it must be answered, in seconds.
        head: the request's head.
        body: the body, if it came in one piece.
        body_buffer: where the body gathers, if it came in several.
        size: bytes of the body so far.
        complete: whether the whole request has been read.
        error_response: the host's own answer, if it gives one.
        digest: the body's MD5 so far, where a signature covers it.
        slot: the slot it waits or runs in, -1 for none.
        explanation: header lines of the answer that say how it came about; none without --explain.
        streams: whether an answer of the host has begun that has no end.
        in_parts: whether the processor's answer has begun, and more of it is to come.
        began: the loop's time of its first byte, once its deadline does not tell it any more, which each part puts off.
        solo_kills: how often a worker was killed from outside while this was all it ran.
    """

    body_buffer: BodyBuffer | None = None
    size = 0
    error_response: ErrorResponse | None = None
    digest: HASH | None = None
    slot = -1
    explanation = ""
    streams = False
    in_parts = False
    began: float | None = None
    solo_kills = 0

    def __init__(
        self, responder: Responder, deadline: float, head: RequestHead, body: bytes = b"", complete: bool = False
    ) -> None:
        self.responder = responder
        self.deadline = deadline
        self.head = head
        self.body = body
        self.complete = complete

    def take_body(self) -> bytes:
        """
        Return the whole body, which neither the exchange nor its buffer keeps.
        """
        body, self.body = self.body, b""
        if self.body_buffer is not None:
            body, self.body_buffer = self.body_buffer.take(), None
        return body

    def begin_body_buffer(self) -> BodyBuffer:
        """
        Make the buffer for the body, since more of it is to come.
        """
        self.body_buffer = BodyBuffer(
            self.head.backend.body_buffers, lambda error_response: self.responder.time_out(self, error_response)
        )
        return self.body_buffer


class Abandoned:
    """
    Stands in for an exchange that nobody waits for any more. It has what reports say of a request, and whether its
    answer had begun (*in_parts*).
    """

    __slots__ = ("head", "in_parts", "peer", "size")

    def __init__(self, exchange: Exchange) -> None:
        self.head = exchange.head
        self.in_parts = exchange.in_parts
        self.size = exchange.size
        self.peer = exchange.responder.peer


SlotContent = Exchange | Abandoned | None
"""What is known of the request in a slot."""
