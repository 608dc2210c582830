"""
Whether a connection is read: not while there is a reason to hold on, of which there may be several at once.
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

    def hold(self) -> None:
        """
        There is one reason more.
        """
        self._reasons += 1
        if self._reasons == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """
        There is one reason less.
        """
        self._reasons -= 1
        if self._reasons == 0 and not self._transport.is_closing():
            self._transport.resume_reading()
