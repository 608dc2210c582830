"""
What the front does once a second: close idle and stalled connections, renew the Date, give memory back, and look at
what workers use, and whether there is another token.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from eas_host import log
from eas_host.dispatch.memory_budget import MemoryBudget
from eas_host.front.http.response_head import ResponseHeadCache
from eas_host.front.limits import IDLE_SECONDS, SEND_SECONDS, STALLED_SECONDS
from eas_host.front.observe.growth_log import GrowthLog
from eas_host.front.open_connections import OpenConnection, OpenConnections
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.token_renewal import TokenRenewal
from eas_host.system import memory

_SECONDS: Final = 1.0
_IDLE_LOOK: Final = 5
"""Every so many times the connections are looked at that are not used. To look at 5,000 of them takes some 10 ms."""
_FREE_IN_HEAP: Final = 64 * 2**20
"""
Bytes that the heap may have beside what is held for clients: the front itself takes about 20 MiB, and requests under
way come and go. Memory that is given back and needed again each second costs about 2 % of a core in the worst case.
"""


class _Stalled(NamedTuple):
    """
    What is known of a client that does not read: *since* when, when it last read something (*moved*), and how many
    bytes are *left*.
    """

    since: float
    moved: float
    left: int


class Housekeeping:
    """
    Looks after the *connections*, the cached *heads* of responses and the memory *budget*, and has the *growth_log*
    look at the workers and the *token_renewal* at its file, until it is closed.
    """

    def __init__(
        self,
        state: ServiceState,
        connections: OpenConnections,
        heads: ResponseHeadCache,
        budget: MemoryBudget,
        growth_log: GrowthLog,
        token_renewal: TokenRenewal,
    ) -> None:
        self._state = state
        self._connections = connections
        self._heads = heads
        self._budget = budget
        self._growth_log = growth_log
        self._token_renewal = token_renewal
        self._looks = 0
        self._seen: dict[OpenConnection, tuple[float, int]] = {}  # its `last_used`, and for how many looks unchanged
        self._stalled: dict[OpenConnection, _Stalled] = {}  # those whose clients do not read
        self._timer = state.loop.call_later(_SECONDS, self._on_timer)

    def close(self) -> None:
        """
        Stop the timer.
        """
        self._timer.cancel()
        self._growth_log.close()

    def _on_timer(self) -> None:
        self._timer = self._state.loop.call_later(_SECONDS, self._on_timer)
        self._heads.renew()
        self._looks += 1
        if self._looks % _IDLE_LOOK == 0:
            self._close_idle()
        self._cut_off_stalled(self._state.loop.time())
        self._budget.make_room()  # what workers write counts, too
        self._trim_heap()
        # A stray write of a processor may have spoilt the word in the ring that asks workers to signal completions.
        for backend in self._state.backends:
            backend.dispatcher.drain()
        self._growth_log.look()
        self._token_renewal.look()

    def _trim_heap(self) -> None:
        """
        Give back what malloc keeps. The heap gets holes where bodies of all sizes come and go, and glibc gives blocks
        up to 32 MiB back only from its end. The budget does not count them.
        """
        if memory.private_bytes() - self._budget.held_in_heap > _FREE_IN_HEAP:
            memory.trim_heap()

    def _close_idle(self) -> None:
        """
        Close connections that were not used for `IDLE_SECONDS`.
        """
        seen, self._seen = self._seen, {}
        for connection in self._connections:
            used = connection.last_used
            before, times = seen.get(connection, (0.0, 0))
            times = times + 1 if used == before else 0
            self._seen[connection] = (used, times)
            if times * _IDLE_LOOK * _SECONDS >= IDLE_SECONDS:
                connection.close_if_idle()

    def _cut_off_stalled(self, now: float) -> None:
        """
        Reset connections whose clients do not read what they were sent. For the others, count what is left as held: it
        may be too little for the transport to call `pause_writing`.
        """
        before, self._stalled = self._stalled, {}
        for connection in self._connections:
            left = connection.unread
            known = before.get(connection)
            if not left:
                if known is not None:
                    self._budget.release(connection)
                continue
            if known is None:
                known = _Stalled(now, now, left)
            # More of an answer in parts follows as soon as some was read.
            elif (now - known.since > STALLED_SECONDS and not connection.answers_in_parts) or (
                left == known.left and now - known.moved > SEND_SECONDS
            ):
                log.debug("a client does not read its answer: reset")
                connection.reset()
                continue
            elif left != known.left:
                known = _Stalled(known.since, now, left)
            self._stalled[connection] = known
            self._budget.set_held(connection, left)
