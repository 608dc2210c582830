"""
Makes exchanges of the bytes of one connection.

httptools parses; its callbacks fill `reading`, the exchange that is arriving. What will be refused is refused at the
end of its head, before its body takes memory. Once an error response closes the connection, or the client has
ended its half, the reader discards what still comes.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import httptools

from eas_host import answers, log
from eas_host.dispatch.body_buffer import NO_SLOT, BodyReceiver
from eas_host.dispatch.exchange import Exchange, RequestHead, Responder
from eas_host.dispatch.responses import ErrorResponse, internal_error
from eas_host.front.admission import admission
from eas_host.front.admission.admission import WATCHED
from eas_host.front.http.chunks import Chunks
from eas_host.front.http.connection_context import ConnectionContext
from eas_host.front.http.foreign_protocols import OPENING, recognise
from eas_host.front.limits import MAX_HEAD, MAX_URL, STRAIGHT_BODY


class Requester(Responder, Protocol):
    """
    A connection, as its reader knows it.

    Attributes:
        idle: no exchange is under way, and the next may come.
    """

    idle: bool

    @property
    def body_receiver(self) -> BodyReceiver | None:
        """
        Its transport, if that can receive a body straight into a slot.
        """

    def request_complete(self, exchange: Exchange) -> None:
        """
        *exchange* is complete, or refused and not to be completed.
        """

    def send_continue(self) -> None:
        """
        The client waits with its body until it is told to go on.
        """


class RequestReader:
    """
    Reads the requests of *connection*.

    Attributes:
        reading: the exchange that is arriving.
        completed: requests completed by the last `feed`.
        discarding: whether what comes is dropped.
    """

    def __init__(self, context: ConnectionContext, connection: Requester) -> None:
        # Per connection
        self._context = context
        self._state = context.state
        self._open = context.deadlines.open
        self._connection = connection
        self._parser: httptools.HttpRequestParser | None = None
        self.discarding = False
        self._chunks = Chunks()
        self._opening = b""  # the first bytes, until the first head is complete
        # Per request
        self.reading: Exchange | None = None
        self._max_body = context.budget.max_body
        self._in_body = False
        self._head_size = 0
        self._since_body = 0  # bytes since the last piece of a body
        self._upgrading = False  # the parser will stop after the head
        self._resuming = False  # a new parser is brought to where the old one stopped
        self._awaited = 0  # bytes of the body that are still to come past the parser
        # Per piece of input
        self._feeding = 0  # its size
        self.completed = 0

    def feed(self, data: bytes) -> None:
        """
        Parse *data*; a large piece in two, so that an oversized head is seen before all of it is parsed.
        """
        self.completed = 0
        if self._awaited:
            self._parse_rest()
        if len(data) > MAX_HEAD and not self._in_body:
            self._feed(data[:MAX_HEAD])
            data = data[MAX_HEAD:]
        if not self.discarding:
            self._feed(data)
        exchange = self.reading
        if exchange is not None and exchange.body:
            self._spool(exchange)
        if self._in_body:
            self._receive_rest()

    def rest(self) -> None:
        """
        Do without a parser, which takes 1.1 KiB, until there is something to parse. No request is being read.
        """
        self._parser = None

    def new_exchange(self) -> Exchange:
        """
        Begin an exchange, whose time counts from now.
        """
        state = self._state
        exchange = Exchange(self._connection, state.loop.time() + state.keepalive, RequestHead())
        exchange.head.backend = state.backends.first
        self._open[exchange] = None
        return exchange

    # -- the parser's calls

    def on_message_begin(self) -> None:
        """
        The first byte of a request.
        """
        if self.discarding or self._resuming:
            return
        # The size of a head is counted in pieces as they are fed. A request that begins after another one in the same
        # piece must not be charged for that one.
        self._head_size = 0 if self.completed == 0 else -self._feeding
        self._connection.idle = False
        self._max_body = self._context.budget.max_body
        self.reading = self.new_exchange()

    def on_url(self, url: bytes) -> None:
        """
        A piece of the request target.
        """
        if self.reading is not None and not self._resuming:
            self.reading.head.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        A header field; most only count by their size.
        """
        exchange = self.reading
        if exchange is None or self._resuming:
            return
        head = exchange.head
        head.size += len(name) + len(value)
        name = name.lower()
        if name in WATCHED:
            fields = head.fields
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value

    def on_headers_complete(self) -> None:
        """
        The head is complete: decide who answers the request, or refuse it.
        """
        exchange = self.reading
        if exchange is None or self._resuming:
            return
        head = exchange.head
        parser = self._parser
        assert parser is not None  # noqa: S101  it makes this call
        self._in_body = True
        head.method = parser.get_method()
        head.keep_alive = parser.should_keep_alive()
        head.version = parser.get_http_version()
        head.http_10 = head.version == "1.0"
        head.plain = head.keep_alive and not head.http_10 and head.method != b"HEAD"
        self._upgrading = parser.should_upgrade()
        head.error_response = self._context.admission.decide(head)
        if head.handler is not None:
            self._max_body = head.handler.max_body
        if head.error_response is not None:
            self._refuse(exchange, head.error_response)
            return
        if b"expect" in head.fields and not head.http_10:
            self._connection.send_continue()
        if head.content_md5 is not None:
            exchange.digest = hashlib.md5(usedforsecurity=False)

    def on_body(self, piece: bytes) -> None:
        """
        A piece of the body.
        """
        exchange = self.reading
        if exchange is None:
            return
        self._since_body = 0
        size = exchange.size = exchange.size + len(piece)
        if exchange.digest is not None:
            exchange.digest.update(piece)
        if size > self._max_body:
            self._refuse_size(exchange)
        elif exchange.error_response is not None:
            return  # it is read only to get to the next request
        elif size == len(piece):
            exchange.body = piece
        else:
            self._spool(exchange)
            if exchange.body_buffer is not None:  # else it was refused for want of memory
                exchange.body_buffer.write(piece)

    def on_chunk_header(self) -> None:
        """
        A chunk begins.
        """
        if self.reading is not None:
            self._chunks.begin(self.reading.size)

    def on_chunk_complete(self) -> None:
        """
        A chunk ends.
        """
        self._chunks.end()

    def on_message_complete(self) -> None:
        """
        The whole request is here.
        """
        exchange = self.reading
        if exchange is None or self._upgrading:
            return
        self._in_body = False
        self.reading = None
        self.completed += 1
        exchange.complete = True
        self._connection.request_complete(exchange)

    # -- inside

    def _feed(self, data: bytes) -> None:
        self._feeding = len(data)
        self._since_body += len(data)
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            self._resume()
            if rest and not self.discarding:
                self._feed(rest)
            return
        except httptools.HttpParserError as error:
            self._malformed(error, data)
            return
        if self.reading is not None:
            self._check_part(self.reading, data)
        elif self.completed == 0:
            self._opening = (self._opening + data[:OPENING])[:OPENING]  # only empty lines so far

    def _check_part(self, exchange: Exchange, data: bytes) -> None:
        """
        Refuse *exchange*, which *data* does not complete, if what has come of it, or what is announced, is too large.
        """
        chunked = b"transfer-encoding" in exchange.head.fields
        if not self._in_body:
            self._opening = (self._opening + data[:OPENING])[:OPENING]
            self._head_size += len(data)
            if self._head_size >= MAX_HEAD:
                long = len(exchange.head.url) > MAX_URL
                self._refuse(exchange, admission.long_target() if long else admission.large_head())
        elif self._since_body > MAX_HEAD:
            self._refuse(exchange, admission.large_head())  # trailers or chunk extensions
        elif chunked and self._chunks.announced(data, exchange.size) > self._max_body:
            self._refuse_size(exchange)

    def _spool(self, exchange: Exchange) -> None:
        """
        Move the first piece of a body that comes in several to the body buffer, where the others will go.
        """
        if exchange.body_buffer is None and exchange.body:
            first, exchange.body = exchange.body, b""
            exchange.begin_body_buffer().write(first)

    def _receive_rest(self) -> None:
        """
        Have the rest of a large body received straight into its slot, past the parser, if its size is known and all
        that becomes of it is decided. A head alone gets no slot: its body may never come.
        """
        exchange = self.reading
        receiver = self._connection.body_receiver
        if exchange is None or receiver is None:
            return
        head = exchange.head
        size = int(head.fields.get(b"content-length", 0))
        plain = head.keep_alive and exchange.error_response is None and exchange.digest is None
        if not (plain and exchange.size) or size > self._max_body or size - exchange.size < STRAIGHT_BODY:
            return
        buffer = exchange.body_buffer or exchange.begin_body_buffer()
        if buffer.slot != NO_SLOT:
            self._awaited = size - exchange.size
            buffer.receive(receiver, self._on_received, head.backend.ring_number, self._awaited)

    def _on_received(self, size: int) -> None:
        """
        *size* bytes of the body have come past the parser.
        """
        exchange = self.reading
        assert exchange is not None  # noqa: S101  its buffer, which ends with it, has asked for this call
        assert exchange.body_buffer is not None  # noqa: S101  the same
        exchange.size += size
        self._awaited -= size
        exchange.body_buffer.received(size)
        if self.reading is exchange and not self._awaited:  # else it was refused for want of memory
            self._parser = None
            self.on_message_complete()

    def _parse_rest(self) -> None:
        """
        Parse again: the body has lost its slot before it was whole.
        """
        self._renew_parser(b"Content-Length: %d" % self._awaited)
        self._awaited = 0

    def _resume(self) -> None:
        """
        Go on after a head that offers to speak another protocol, as those of Java's HttpClient and `curl --http2` do.

        The offer may be ignored (RFC 9110, section 7.8), but the parser stops there, with the body unread. So a new
        parser is fed a head that announces the same body.
        """
        self._upgrading = False
        self._since_body = 0  # what was fed may have been a piece of the body, which is fed again
        if self.reading is None:
            self._parser = None
            return
        fields = self.reading.head.fields
        framing = [
            b"%b: %b" % (name, fields[name]) for name in (b"content-length", b"transfer-encoding") if name in fields
        ]
        self._renew_parser(*framing)

    def _renew_parser(self, *framing: bytes) -> None:
        """
        Go on with a new parser, for which the body that is being read is announced by *framing*.
        """
        self._parser = httptools.HttpRequestParser(self)
        self._resuming = True
        self._feed(b"\r\n".join([b"POST / HTTP/1.1", *framing, b"\r\n"]))
        self._resuming = False

    def _refuse(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        Answer *exchange* with *error_response*: now, if the rest is not to be read, else when it is complete.
        """
        exchange.error_response = error_response
        if error_response.close:
            self.discarding = True
            self.reading = None
            self._connection.request_complete(exchange)

    def _refuse_size(self, exchange: Exchange) -> None:
        """
        The body of *exchange* is too large to be read, even to get to the next request.
        """
        earlier = exchange.error_response
        self._refuse(exchange, earlier.closing() if earlier else self._context.admission.too_large(self._max_body))

    def _malformed(self, error: httptools.HttpParserError, data: bytes) -> None:
        """
        Refuse what is not HTTP, of which *data* came last: after the answers that are due, and then close.
        """
        if self.discarding:
            return
        error_response = ErrorResponse(answers.MALFORMED, f"malformed request: {error}")
        protocol = recognise(self._opening + data[:OPENING]) if self.completed == 0 else None
        if protocol is not None:
            text = f"400: {self._connection.peer} sent {protocol.name}: {protocol.advice}"
            self._context.throttled_log.warn(protocol.name, text)
            error_response = ErrorResponse(answers.FOREIGN_PROTOCOL, f"this is {protocol.name}: {protocol.advice}")
        if isinstance(error, httptools.HttpParserCallbackError):
            log.error("internal error while reading a request", exc_info=error.__context__)
            error_response = internal_error().closing()
        self._refuse(self.reading or self.new_exchange(), error_response)
