"""
From the bytes of one connection to exchanges.

httptools parses; its callbacks fill `reading`, the exchange that is arriving. What will be refused is refused at the
end of its head, before its body takes memory. Once something was refused, or the client has ended, the reader is deaf:
whatever still comes is dropped.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import httptools

from eas_host import log
from eas_host.front import routes, unpack
from eas_host.front.exchange import Exchange, Head, Refusal
from eas_host.front.limits import MAX_HEAD, MAX_URL
from eas_host.front.upload import Upload

if TYPE_CHECKING:
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext

_WATCHED: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-type",
        b"date",
        b"expect",
        b"origin",
        b"transfer-encoding",
        b"upgrade",
        b"x-lz4-original-length",
    }
)
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class RequestReader:
    """
    Reads the requests of *connection*.

    Attributes:
        reading: the exchange that is arriving.
        completed: requests completed by the last `feed`.
        deaf: whether what comes is dropped.
    """

    def __init__(self, front: FrontContext, connection: Connection) -> None:
        # Per connection
        self._front = front
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)
        self.deaf = False
        # Per request
        self.reading: Exchange | None = None
        self._max_body = front.max_body
        self._in_body = False
        self._head_size = 0
        self._quiet = 0  # bytes since the last piece of a body
        self._upgrading = False  # the parser will stop behind the head
        self._resuming = False  # a new parser is brought to where the old one stopped
        # Per piece of input
        self._feeding = 0  # its size
        self.completed = 0

    def feed(self, data: bytes) -> None:
        """
        Parse *data*; a large piece in two, so that an oversized head is seen before all of it is parsed.
        """
        self.completed = 0
        if len(data) > MAX_HEAD and not self._in_body:
            self._feed(data[:MAX_HEAD])
            data = data[MAX_HEAD:]
        if not self.deaf:
            self._feed(data)
        exchange = self.reading
        if exchange is not None and exchange.body:
            self._spool(exchange)

    def new_exchange(self) -> Exchange:
        """
        Begin an exchange: its deadline starts.
        """
        front = self._front
        exchange = Exchange(self._connection, front.loop.time() + front.keepalive, Head())
        exchange.head.backend = front.backends.first
        front.deadlines.open[exchange] = None
        return exchange

    # -- the parser's calls

    def on_message_begin(self) -> None:
        """
        The first byte of a request.
        """
        if self.deaf or self._resuming:
            return
        # The head's size is counted in pieces as they are fed. A request that begins behind another one in the same
        # piece must not be charged for that one.
        self._head_size = 0 if self.completed == 0 else -self._feeding
        self._connection.at_rest = False
        self._max_body = self._front.max_body
        self.reading = self.new_exchange()

    def on_url(self, url: bytes) -> None:
        """
        A piece of the request target.
        """
        if self.reading is not None and not self._resuming:
            self.reading.head.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        A header field; most are only counted.
        """
        exchange = self.reading
        if exchange is None or self._resuming:
            return
        head = exchange.head
        head.size += len(name) + len(value)
        name = name.lower()
        if name in _WATCHED:
            fields = head.fields
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value

    def on_headers_complete(self) -> None:
        """
        The head is complete: decide what the head decides.
        """
        exchange = self.reading
        if exchange is None or self._resuming:
            return
        head = exchange.head
        parser = self._parser
        self._in_body = True
        head.method = parser.get_method()
        head.keep_alive = parser.should_keep_alive()
        head.version = parser.get_http_version()
        head.http_10 = head.version == "1.0"
        head.plain = head.keep_alive and not head.http_10 and head.method != b"HEAD"
        self._upgrading = parser.should_upgrade()
        head.refusal = self._judge(head)
        if head.refusal is not None:
            self._refuse(exchange, head.refusal)
        elif head.content_md5 is not None:
            exchange.digest = hashlib.md5(usedforsecurity=False)

    def on_body(self, piece: bytes) -> None:
        """
        A piece of the body.
        """
        exchange = self.reading
        if exchange is None:
            return
        self._quiet = 0
        size = exchange.size = exchange.size + len(piece)
        if exchange.digest is not None:
            exchange.digest.update(piece)
        if size > self._max_body:
            self._refuse(exchange, self._too_large())
        elif exchange.refusal is not None:
            return  # it is read only to get to the next request
        elif size == len(piece):
            exchange.body = piece
        else:
            self._spool(exchange)
            if exchange.upload is not None:  # else it was refused for want of memory
                exchange.upload.write(piece)

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
        self._connection.arrived(exchange)

    # -- inside

    def _feed(self, data: bytes) -> None:
        self._feeding = len(data)
        self._quiet += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            self._resume()
            if rest and not self.deaf:
                self._feed(rest)
            return
        except httptools.HttpParserError as error:
            self._malformed(error)
            return
        exchange = self.reading
        if exchange is not None and self._in_body and self._quiet > MAX_HEAD:
            self._refuse(exchange, _large_head())  # trailers, or what a chunk may say besides its size
        elif exchange is not None and not self._in_body:
            self._head_size += len(data)
            if self._head_size >= MAX_HEAD:
                self._refuse(exchange, _long_target() if len(exchange.head.url) > MAX_URL else _large_head())

    def _spool(self, exchange: Exchange) -> None:
        """
        *exchange* has more than one piece: move the first to where the others will go.
        """
        if exchange.upload is None and exchange.body:
            exchange.upload = Upload(exchange.head.backend.uploads, exchange)
            first, exchange.body = exchange.body, b""
            exchange.upload.write(first)

    def _resume(self) -> None:
        """
        Go on behind a head that offers to speak another protocol, as those of Java's HttpClient and `curl --http2` do.

        The offer may be ignored (RFC 9110, section 7.8), but the parser stops there, with the body unread. So a new
        parser is fed a head that tells of the same body.
        """
        self._upgrading = False
        self._quiet = 0  # what was fed may have been a piece of the body, which is fed again
        self._parser = httptools.HttpRequestParser(self)
        if self.reading is None:
            return
        fields = self.reading.head.fields
        framing = [
            b"%b: %b" % (name, fields[name]) for name in (b"content-length", b"transfer-encoding") if name in fields
        ]
        self._resuming = True
        self._feed(b"\r\n".join([b"POST / HTTP/1.1", *framing, b"\r\n"]))
        self._resuming = False

    def _judge(self, head: Head) -> Refusal | None:
        """
        Say why a request with *head* is refused, if it is.
        """
        fields = head.fields
        expectation = None if head.http_10 else fields.get(b"expect")
        if len(head.url) > MAX_URL:
            return _long_target()
        if head.size + len(head.url) > MAX_HEAD:
            return _large_head()
        if head.version not in _VERSIONS:
            return Refusal(505, f"HTTP/{head.version} is not supported; use HTTP/1.1", close=True)
        refusal = self._route(head)
        if refusal is not None:
            # After a CONNECT comes no HTTP; behind an expectation the client waits with the body: do not read on.
            return refusal.closing() if expectation is not None or head.method == b"CONNECT" else refusal
        if int(fields.get(b"content-length", b"0")) > self._max_body:
            return self._too_large()
        if expectation is not None:
            if expectation.lower() != b"100-continue":
                return Refusal(417, "the only expectation known is 100-continue", close=True)
            self._connection.invite_body()
        return None

    def _route(self, head: Head) -> Refusal | None:
        """
        Decide who answers a request with *head*, whether it may, and what must be done with its body before.
        """
        front = self._front
        found = front.builtins.find(routes.path_of(head.url))
        handler = None if isinstance(found, Refusal) else found
        if handler is None or not handler.open:
            refusal = front.auth.judge(head, head.method)
            if refusal is not None:
                return refusal
        if isinstance(found, Refusal):
            return found
        head.handler = handler
        self._max_body = front.max_body if handler is None else handler.max_body
        refusal = routes.refuse(head.method) if handler is None else routes.refuse(head.method, handler.methods)
        if refusal is not None:
            return refusal
        if handler is None:
            backend = front.backends.find(routes.path_of(head.url))
            if isinstance(backend, Refusal):
                return backend
            head.backend = backend
        usual = front.decompressor if handler is None or handler.hands_on else None
        coding = unpack.find_coding(head.fields, usual)
        if isinstance(coding, Refusal):
            return coding
        head.coding = coding
        return None

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """
        Answer *exchange* with *refusal*: now, if the rest is not to be read, else when it is complete.
        """
        exchange.refusal = refusal
        if refusal.close:
            self.deaf = True
            self.reading = None
            self._connection.arrived(exchange)

    def _malformed(self, error: httptools.HttpParserError) -> None:
        """
        What came is not HTTP: say so after the answers that are due, and close.
        """
        if self.deaf:
            return
        refusal = Refusal(400, f"malformed request: {error}", close=True)
        if isinstance(error, httptools.HttpParserCallbackError):
            log.error("internal error while reading a request", exc_info=error.__context__)
            refusal = Refusal(500, "internal error of the host; its log has the trace", close=True)
        self._refuse(self.reading or self.new_exchange(), refusal)

    def _too_large(self) -> Refusal:
        limit = self._max_body
        advice = " (--max-body)" if limit == self._front.max_body else ""
        return Refusal(413, f"the body is larger than {limit} bytes{advice}", close=True)


def _long_target() -> Refusal:
    return Refusal(414, f"the request target is longer than {MAX_URL} bytes", close=True)


def _large_head() -> Refusal:
    return Refusal(431, f"the head of the request is larger than {MAX_HEAD} bytes", close=True)
