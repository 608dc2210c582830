"""
What the front looks after once a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from eas_host import log
from eas_host.front.limits import IDLE_SECONDS, SEND_SECONDS, STALLED_SECONDS

if TYPE_CHECKING:
    from eas_host.front.connection import Connection
    from eas_host.front.context import FrontContext

_SECONDS: Final = 1.0


class Stalled(NamedTuple):
    """
    What is known of a client that does not read: *since* when, when it last *moved*, and how many bytes are *left*.
    """

    since: float
    moved: float
    left: int


class Sweeper:
    """
    Sweeps *front*, until it is closed.
    """

    def __init__(self, front: FrontContext) -> None:
        self._front = front
        self._seen: dict[Connection, tuple[float, int]] = {}  # when it was used, and for how many sweeps that is true
        self._timer = front.loop.call_later(_SECONDS, self._sweep)

    def close(self) -> None:
        """
        Sweep no more.
        """
        self._timer.cancel()

    def _sweep(self) -> None:
        """
        Once a second: renew the Date, close connections that are idle for long, reset those that do not read.
        """
        front = self._front
        self._timer = front.loop.call_later(_SECONDS, self._sweep)
        front.heads.renew()
        self._close_idle()
        self._cut_off_stalled(front.loop.time())
        front.budget.make_room()  # what workers write counts, too
        # A wild write of a processor may have spoilt the word that asks workers to tell of completions.
        for backend in front.backends:
            backend.dispatcher.drain()

    def _close_idle(self) -> None:
        """
        Close connections that were not used for long.
        """
        seen, self._seen = self._seen, {}
        for connection in list(self._front.connections):
            used, sweeps = seen.get(connection, (0.0, 0))
            sweeps = sweeps + 1 if used == connection.used else 1
            self._seen[connection] = (connection.used, sweeps)
            if sweeps * _SECONDS > IDLE_SECONDS:
                connection.close_if_at_rest()

    def _cut_off_stalled(self, now: float) -> None:
        """
        Reset connections whose clients do not read what they were sent; and hold what is left of it for them, which
        may be too little for the transport to tell of it.
        """
        stalled = self._front.stalled
        for connection in list(self._front.connections):
            left = connection.transport.get_write_buffer_size()
            known = stalled.get(connection)
            if not left:
                if stalled.pop(connection, None) is not None:
                    self._front.budget.give(connection)
                continue
            if known is None:
                stalled[connection] = Stalled(now, now, left)
            elif now - known.since > STALLED_SECONDS or (left == known.left and now - known.moved > SEND_SECONDS):
                log.debug("a client does not read its answer: reset")
                connection.reset()
                continue
            elif left != known.left:
                stalled[connection] = Stalled(known.since, now, left)
            self._front.budget.keep(connection, left)
