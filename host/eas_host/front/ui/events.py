"""
The stream of updates, as server-sent events (HTML Living Standard, section 9.2): one update a second, made once for all
who watch.

While nobody watches there is no timer, and nothing is read. A watcher for which the kernel keeps no more is reset: it
has not read its updates for some ten seconds. One that is gone is forgotten with the next update. The stream has no
deadline, but the host does not wait for it when it stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from eas_host import answers
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import ErrorResponse, Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import Builtin, refused
from eas_host.front.service_state import ServiceState

_SECONDS: Final = 1.0
_MOST: Final = 16
"""Watchers at once: more are no people, but a page that opens streams."""
_TYPE: Final = "text/event-stream"
_HEADERS: Final = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
"""The second has nginx pass each update on at once."""


class Events(Builtin):
    """
    Answers with a stream. *make_update* returns the update of this moment, in one line.
    """

    methods = frozenset({b"GET"})
    changes = methods  # it makes the host do more than answer
    max_body = 0

    def __init__(self, access: Access, state: ServiceState, make_update: Callable[[], bytes]) -> None:
        super().__init__(access)
        self._loop = state.loop
        self._make_update = make_update
        self._watchers: list[Exchange] = []
        self._timer: asyncio.TimerHandle | None = None
        self._last = b""  # the event of this second
        self._closed = False

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Begin a stream with the event of this second.
        """
        if self._closed or len(self._watchers) >= _MOST:
            why = "the host stops" if self._closed else f"{_MOST} pages watch already, the most that may"
            return refused(ErrorResponse(answers.TOO_MANY_WATCHERS, why))
        if self._timer is None:
            self._last = self._make_event()
            self._timer = self._loop.call_later(_SECONDS, self._on_timer)
        self._watchers.append(exchange)
        return Response(200, self._last, _TYPE, _HEADERS, streams=True)

    def close(self) -> None:
        """
        End all streams, and begin no more.
        """
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if watcher.responder.is_active(watcher):
                watcher.responder.end_stream()

    def _on_timer(self) -> None:
        self._timer, self._last = None, b""
        self._watchers = [watcher for watcher in self._watchers if self._may_stay(watcher)]
        if not self._watchers:
            return
        self._timer = self._loop.call_later(_SECONDS, self._on_timer)
        event = self._last = self._make_event()
        self._watchers = [watcher for watcher in self._watchers if watcher.responder.send_more(event)]

    def _may_stay(self, watcher: Exchange) -> bool:
        """
        Tell whether *watcher* is still there, and would still be let in; if it would not, end its stream.
        """
        if not watcher.responder.is_active(watcher):
            return False
        allowed = self._access.still_allows(watcher)
        if not allowed:
            watcher.responder.end_stream()
        return allowed

    def _make_event(self) -> bytes:
        return b"data: %b\n\n" % self._make_update()
