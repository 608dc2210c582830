"""
The deadline of every exchange, with one timer for all.

All exchanges get the same time, so the order in which they begin is the order in which they expire, and a dict, which
keeps that order, is the whole data structure: adding and discarding cost some 30 ns each, a timer for every request
would cost a hundred times that. When that time changes it changes for all of them, so the order stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from eas_host import log
from eas_host.dispatch.exchange import Exchange


class Deadlines:
    """
    Calls *expire* with each exchange that has taken longer than *seconds*. *recall* has requests that are under way
    without an exchange get one, and adopted.

    Attributes:
        open: the exchanges under way, in the order in which they began. Connections add and discard their own; a dict
            only for its order.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        expire: Callable[[Exchange], None],
        recall: Callable[[], None] = lambda: None,
    ) -> None:
        self.open: dict[Exchange, None] = {}
        self._loop = loop
        self._seconds = seconds
        self._expire = expire
        self._recall = recall
        self._timer = loop.call_later(seconds, self._on_timer)

    def change(self, seconds: float) -> None:
        """
        Give every exchange, those under way too, *seconds* from its beginning.
        """
        difference = seconds - self._seconds
        self._seconds = seconds
        for exchange in self.open:
            exchange.deadline += difference
        self._timer.cancel()
        # Not at once: the request that sets this time may have taken longer itself, and is answered first.
        self._timer = self._loop.call_later(0, self._on_timer)

    def adopt(self, exchanges: Sequence[Exchange]) -> None:
        """
        Add *exchanges*, which may have begun before others that are open.
        """
        last = next(reversed(self.open), None)
        added = sorted(exchanges, key=_deadline)
        if last is not None and added[0].deadline < last.deadline:
            added = sorted([*self.open, *added], key=_deadline)
            self.open.clear()
        self.open.update(dict.fromkeys(added))

    def close(self) -> None:
        """
        Stop the timer: nothing expires any more.
        """
        self._timer.cancel()

    def _on_timer(self) -> None:
        self._recall()
        now = self._loop.time()
        due = now + self._seconds  # no exchange that begins from now on expires before this
        try:
            while self.open:
                oldest = next(iter(self.open))
                if oldest.deadline > now:
                    due = oldest.deadline  # no exchange that is open expires before the oldest
                    break
                del self.open[oldest]
                try:
                    self._expire(oldest)
                except Exception:  # noqa: BLE001  a bug of ours costs this connection, not the deadlines of all others
                    log.exception("internal error while ending a request that took too long")
                    oldest.responder.reset()
        finally:
            self._timer = self._loop.call_at(due, self._on_timer)


def _deadline(exchange: Exchange) -> float:
    return exchange.deadline
