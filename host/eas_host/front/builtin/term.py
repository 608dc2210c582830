"""
Stopping the host from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from eas_host import log
from eas_host.front.access import Access
from eas_host.front.builtin.handler import WRITING, Builtin
from eas_host.front.exchange import Exchange
from eas_host.front.responses import Answer


class Term(Builtin):
    """
    `term`: POST stops the host as SIGTERM would: what runs is still answered.

    EAS documents the name only; what it does is our choice.
    """

    methods = WRITING
    changes = WRITING

    def __init__(self, access: Access, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        super().__init__(access)
        self._loop = loop
        self._stop = stop

    def answer(self, exchange: Exchange, body: bytes) -> Answer | None:
        """
        Answer first, then stop.
        """
        log.info("/api/builtin/term: the host stops")
        self._loop.call_soon(self._stop)
        return Answer(200, b"stopping\n", close=True)
