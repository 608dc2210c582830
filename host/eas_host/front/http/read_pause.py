"""
Pauses the reading of a connection while there is a reason for it; there may be several at once.
"""

from __future__ import annotations

import asyncio


class ReadPause:
    """
    Pauses the reading of *transport* while somebody holds it.
    """

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._reasons = 0

    def pause(self) -> None:
        """
        Add a reason; the first one pauses the reading.
        """
        self._reasons += 1
        if self._reasons == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """
        Take a reason away; after the last one reading goes on.
        """
        self._reasons -= 1
        if self._reasons == 0 and not self._transport.is_closing():
            self._transport.resume_reading()
