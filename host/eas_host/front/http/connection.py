"""
One client connection: bytes in, answers out, in order.

`active` is the request that is being answered; one that is complete before its turn waits in the pipeline. So they are
answered in order, and a connection has at most one request in the ring.

Rule: only `_start` starts an exchange, but for the short cut of a request whose head is known (`known_head`). Whatever
lets the next one start calls `_start_next`.
"""

from __future__ import annotations

import asyncio
from functools import partial

from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.dispatch.large_outputs import LargeOutput
from eas_host.dispatch.responses import ErrorResponse, Response
from eas_host.front.http import response_head
from eas_host.front.http.connection_context import ConnectionContext
from eas_host.front.http.error_details import may_see_details
from eas_host.front.http.half_close import HalfCloseMonitor
from eas_host.front.http.known_head import KnownHead
from eas_host.front.http.parts_sender import PartsSender
from eas_host.front.http.pipeline import Pipeline
from eas_host.front.http.read_pause import ReadPause
from eas_host.front.http.request_reader import RequestReader
from eas_host.front.limits import LINGER_SECONDS, SINGLE_WRITE_MAX
from eas_host.front.open_connections import Use
from eas_host.front.plane.transport import PlaneTransport
from eas_host.reply import BODILESS


class Connection(PartsSender):
    """
    The protocol object of one client connection.

    Attributes:
        idle: no exchange is under way, and the next may come.
    """

    def __init__(self, context: ConnectionContext) -> None:
        super().__init__(context)
        # Per host
        self._context = context
        self._budget = context.budget
        self._known_answers = context.heads.known
        # Per connection
        self._reader = RequestReader(context, self)
        self._reading: ReadPause = None  # type: ignore[assignment]  # set with the transport
        self._pipeline: Pipeline = None  # type: ignore[assignment]  # set with the transport
        self._waiting: list[Exchange] = None  # type: ignore[assignment]  # set with the transport
        self._active: Exchange | None = None
        self._starting = False
        self._half_closed = False  # the client has sent all it will
        self._waited = 0.0  # seconds that the active exchange had taken by then
        self._half_close: HalfCloseMonitor | None = None  # watches, after its last answer, a client that did so
        self._continue_due = False  # 100 Continue is to be sent when it is that request's turn
        self._known = KnownHead(context)
        self.idle = True

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        A client has connected.
        """
        self.transport = transport  # type: ignore[assignment]  # a stream's transport is one
        self._plane = transport if isinstance(transport, PlaneTransport) else None
        self._reading = ReadPause(self.transport)
        self._pipeline = Pipeline(self._budget, self._reading, self.reset)
        self._waiting = self._pipeline.waiting
        self.peer = (transport.get_extra_info("peername") or "-")[0]
        if not self._context.connection_limit.enter(self):
            self.reset()

    def data_received(self, data: bytes) -> None:
        """
        Take what the client sent: recognise it, or have it parsed.
        """
        idle = self.idle
        if idle:
            known = self._known
            head: RequestHead | None = known.head
            if len(data) == known.size and data.startswith(known.bytes):
                body = data[len(known.bytes) :]
            else:
                head, body = known.recognise_similar(data)
            if head is not None:
                if known.submits and known.submit_direct(head, body):
                    return
                # `complete` by name would take 80 ns more.
                exchange = Exchange(self, self._now() + self.keepalive, head, body, True)
                self._open[exchange] = None
                self._active = exchange
                self.idle = False
                error_response = known.submit(exchange)
                if error_response is not None:
                    self.send_error(exchange, error_response)
                return
        reader = self._reader
        if not reader.discarding:
            reader.feed(data)
            alone = reader.completed == 1 and reader.reading is None and not reader.discarding
            # Without an exchange it was refused.
            if idle and alone and self._active is not None and self._known.learn(self._active, data):
                reader.rest()
        if self._plane is not None and not self.idle:
            self._plane.disarm()  # an answer that was sent at once may have armed it, with more of the bytes to come

    def take_over(self, slot: int, size: int, began: float) -> Exchange:
        """
        Make the exchange of the request in *slot*, which the plane has submitted and hands up.
        """
        exchange = self._active = Exchange(self, began + self.keepalive, self._known.direct_head, complete=True)
        exchange.size = size
        exchange.slot = slot
        exchange.head.backend.adopt(exchange)
        self.idle = False
        return exchange

    def eof_received(self) -> bool:
        """
        The client has sent all it will; what is complete is still answered.
        """
        self._half_closed = True
        if self._active is not None:
            self._waited = self._state.age(self._active)
        self._stop_reading()
        return bool(self._waiting) or (self._active is not None and not self._active.streams)

    def connection_lost(self, exc: Exception | None) -> None:
        """
        The connection is gone: give back what its exchanges hold.
        """
        self._stop_reading()
        self._budget.release(self)
        active, self._active = self._active, None
        if self._half_close is not None:
            self._half_close.lost(by_client=exc is not None)
        if active is not None:
            active.head.backend.abandon(active)  # before the log says so: its readers may rely on that
            if not (self._cut_off or active.streams):
                self._observer.client_left(active)
            self._drop(active)
        self._drop_waiting()
        self._context.connections.discard(self)

    def pause_writing(self) -> None:
        """
        The client reads more slowly than it is answered: read no more from it.
        """
        self._stalled = True
        self._reading.pause()
        self._budget.set_held(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """
        The client has read enough to go on.
        """
        self._stalled = False
        self._budget.release(self)
        self._reading.resume()
        if self._parts is not None and self._active is not None:
            self._forward_parts(self._active)
        self._start_next()

    # -- the reader's calls

    def send_continue(self) -> None:
        """
        The client sends its body only after 100 Continue: send that when it is this request's turn.
        """
        if self._active is None and not self._waiting:
            self.transport.write(response_head.CONTINUE)
        else:
            self._continue_due = True

    def request_complete(self, exchange: Exchange) -> None:
        """
        Start *exchange*, or have it wait for its turn. It is complete, or refused and not to be completed.
        """
        self._continue_due = False
        self.idle = False
        if self._active is None and not (self._waiting or self._stalled):
            self._start(exchange)
            return
        self._pipeline.add(exchange)

    # -- answers

    def send_response(self, exchange: Exchange, status: int, body: bytes | LargeOutput) -> None:
        """
        Send the processor's answer to *exchange*, which is the active one.
        """
        state = self._state
        head = exchange.head
        size = len(body)
        if head.plain and state.answers_are_plain and isinstance(body, bytes) and size <= SINGLE_WRITE_MAX:
            start = self._known_answers.get((status, size))
            if start is not None:
                self.transport.write(start + body)
                if self._waiting or self._continue_due or self._half_closed or exchange.body_buffer is not None:
                    self._ended(exchange, keep=True)
                    return
                self._open.pop(exchange, None)
                self._active = None
                self.idle = self._reader.reading is None
                self._last_used = exchange.deadline
                if self.idle and self._plane is not None:  # else what comes belongs to a request that has begun
                    self._known.arm(self._plane)
                return
        keep = head.keep_alive and not state.draining
        why = exchange.explanation
        if keep and not (head.http_10 or head.cors or why):
            start = self._heads.usual(status, size)
        else:
            start = self._heads.special(status, size, keep_alive=keep, http_10=head.http_10, cors=head.cors, why=why)
        self._observer.processor_responded(exchange, status, size)
        self.send(start, b"" if status in BODILESS or head.method == b"HEAD" else body)
        self._ended(exchange, keep=keep)

    def send_error(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        Send an answer of the host itself to *exchange*, which is the active one.
        """
        if exchange.in_parts:
            self._cut_parts(exchange, error_response)
            return
        verbose = may_see_details(self._state.config, self.peer, exchange.head)
        self.send_host_response(exchange, error_response.response(verbose=verbose))

    def send_host_response(self, exchange: Exchange, answer: Response) -> None:
        """
        Send *answer*, which does not come from the processor, to *exchange*, if somebody still waits for it.
        """
        if exchange is not self._active:
            return
        head = exchange.head
        status, body, content_type, extra, close, streams = answer
        keep = head.keep_alive and exchange.complete and not (close or streams or self._state.draining)
        extra += (head.cors or self._context.vary) + exchange.explanation
        size = None if streams else len(body)
        start = response_head.own_head(
            status, size, keep_alive=keep, http_10=head.http_10, content_type=content_type, extra=extra
        )
        self._observer.host_responded(exchange, status, len(body))
        self.transport.write(start if head.method == b"HEAD" else start + body)
        if streams:
            self.begin_stream(exchange)
            self._open.pop(exchange, None)  # it has no deadline
        else:
            self._ended(exchange, keep=keep)

    def is_active(self, exchange: Exchange) -> bool:
        """
        Tell whether *exchange* is the one that waits for its answer.
        """
        return exchange is self._active

    def invalidate_head_cache(self) -> None:
        """
        Parse the next request and decide about it, even if its head is known.
        """
        self._known.forget()
        if self._plane is not None:
            self._plane.disarm()

    def time_out(self, exchange: Exchange, error_response: ErrorResponse) -> None:
        """
        Answer *exchange*, whose deadline has passed, with *error_response*, whatever state it is in, and close.
        """
        reader = self._reader
        if exchange is self._active:
            exchange.head.backend.abandon(exchange)
            self.send_error(exchange, error_response)
        elif exchange is reader.reading:
            reader.discarding = True
            reader.reading = None
            exchange.error_response = error_response
            exchange.body = b""
            self._drop(exchange)  # an older one may keep it waiting for long
            self.request_complete(exchange)
        else:
            # It waits behind an older one, whose expiry closes the connection for both; or for a client that does not
            # read its answers, which then finds this one.
            exchange.error_response = error_response
            exchange.body = b""
            self._drop(exchange)

    def close_if_idle(self) -> None:
        """
        Close the connection if no exchange is under way.
        """
        if self._plane is not None:
            self._plane.hand_up()
        if self._active is None and self._reader.reading is None and not self._waiting:
            self._close(lingering=False)

    @property
    def use(self) -> tuple[Use, float]:
        """
        What the connection is used for, and a number that is the lower the longer it has been used so.
        """
        if self._plane is not None:
            self._plane.hand_up()
        reading = self._reader.reading
        if self._active is not None:
            return Use.BUSY, 0.0
        if self.transport.get_write_buffer_size():
            return Use.UNREAD, self.last_used
        if self.transport.is_closing() or self._waiting:
            return Use.BUSY, 0.0
        if self.idle:
            return Use.IDLE, self.last_used
        return (Use.CLOSING, self.last_used) if reading is None else (Use.ARRIVING, reading.deadline)

    # -- inside

    def _start_next(self) -> None:
        """
        Start waiting exchanges until one is under way. It takes a loop, since refused ones are answered at once.
        """
        if self._starting:
            return
        self._starting = True
        while self._waiting and self._active is None and not self._stalled:
            self._start(self._pipeline.next())
        self._starting = False
        if self._continue_due and self._active is None and not self._waiting:
            self._continue_due = False
            self.transport.write(response_head.CONTINUE)

    def _start(self, exchange: Exchange) -> None:
        self._active = exchange
        begin = self._context.preprocessor.begin if exchange.head.detour else self._context.router.submit
        error_response = exchange.error_response or begin(exchange)
        if error_response is not None:
            self.send_error(exchange, error_response)

    def _ended(self, exchange: Exchange, *, keep: bool) -> None:
        """
        *exchange* is answered: close, or go on with the next one.
        """
        self._drop(exchange)
        self._active = None
        if not keep:
            self._drop_waiting()
        if keep and (self._waiting or self._continue_due):
            self._start_next()
        elif self._half_closed and not self.transport.is_closing():
            self._stop_reading()
            left = partial(self._observer.diagnose_left, exchange, self._waited)
            self._half_close = HalfCloseMonitor(self._state.loop, self.transport, left)
        elif not keep or self._half_closed:
            self._close(lingering=not exchange.complete)
        elif self._reader.reading is None:
            self.idle = True
            self._last_used = exchange.deadline
            if self._plane is not None:
                self._known.arm(self._plane)

    def _drop(self, exchange: Exchange) -> None:
        """
        Give back what *exchange* holds outside the ring.
        """
        self._open.pop(exchange, None)
        if exchange.body_buffer is not None:
            exchange.body_buffer.drop()
            exchange.body_buffer = None

    def _drop_waiting(self) -> None:
        for exchange in self._waiting:
            self._drop(exchange)
        self._pipeline.clear()

    def _stop_reading(self) -> None:
        """
        Drop whatever else comes, and the request that has come in part.
        """
        reader = self._reader
        reader.discarding = True
        self.idle = False
        if reader.reading is not None:
            self._drop(reader.reading)
            reader.reading = None

    def _close(self, *, lingering: bool) -> None:
        """
        Close after everything is sent. *lingering*: the client is still sending; closing now would reset the connection
        and take the answer from it, so what it sends is read and dropped for a moment.
        """
        self._stop_reading()
        if lingering and not self._half_closed and not self.transport.is_closing():
            self.transport.write_eof()
            self._state.loop.call_later(LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()
