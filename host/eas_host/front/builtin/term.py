"""
Stopping the host from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from eas_host import log
from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import WRITING, Builtin


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

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer first, then stop.
        """
        log.info("/api/builtin/term: the host stops")
        self._loop.call_soon(self._stop)
        return Response(200, b"stopping\n", close=True)
