"""
The dispatcher of --explain: each answer of a processor has headers that say how it came about.

What they say is read when a completion is taken out of the ring, while the ring still knows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eas_host.dispatch.dispatcher import Answer, Dispatcher
from eas_host.dispatch.exchange import Exchange
from eas_host.reply import HTTP_STATUS
from eas_host.ring import COPIED, PARTS, PARTS_ENDED, Timing
from eas_runtime.ring import BAD_OUTPUT, RAISED, RETURNED, TOO_LARGE

_ANSWERED: Final = (RETURNED, PARTS, PARTS_ENDED)
_FAILURES: Final = {
    RAISED: "exception -> 400",
    BAD_OUTPUT: "bad output -> 500",
    TOO_LARGE: "output too large -> 500",
}


class ExplainingDispatcher(Dispatcher):
    """
    Adds these headers to the exchanges that it answers.
    """

    def _take(self, completions: Iterator[tuple[int, int, int, int]]) -> list[Answer]:
        taken = list(completions)
        for slot, outcome, status, _ in taken:
            exchange = self._running[slot]
            if isinstance(exchange, Exchange) and not exchange.in_parts:
                timing = None if outcome == PARTS else self._ring.timing(slot)
                exchange.explanation = _explain(outcome & ~COPIED, status, timing)
        return super()._take(iter(taken))


def _explain(outcome: int, code: int, timing: Timing | None) -> str:
    """
    Make the header lines for what the processor did: its *outcome*, the *code* that it returned, and its *timing*,
    which is not known of an answer that has only begun.

    0 is 200, and no other code: Java has none, and completes each of its requests so.
    """
    status = HTTP_STATUS[code]
    returned = f"{status}" if code in (0, status) else f"{code} -> {status}"
    said = returned if outcome in _ANSWERED else _FAILURES[outcome]
    if timing is None:
        return f"X-Processor-Status: {said}\r\n"
    batch = f"X-Processor-Batch: {timing.batch}\r\n" if timing.batch else ""
    return (
        f"X-Processor-Status: {said}\r\n"
        f"X-Processor-Worker: {timing.worker}\r\n"
        f"{batch}"
        f"Server-Timing: queue;dur={timing.queue * 1000:.3f}, call;dur={timing.call * 1000:.3f}\r\n"
    )
