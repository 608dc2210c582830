"""
Stopping the host from outside.
"""

from __future__ import annotations

from eas_host import log
from eas_host.front.builtin.handler import WRITING, Builtin
from eas_host.front.exchange import Answer, Exchange


class Term(Builtin):
    """
    `term`: POST stops the host as SIGTERM would: what runs is still answered.

    EAS documents the name only; what it does is our choice.
    """

    methods = WRITING
    changes = WRITING

    def answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Answer first, then stop.
        """
        log.info("/api/builtin/term: the host stops")
        self.front.loop.call_soon(self.front.on_term)
        return Answer(200, b"stopping\n", close=True)
