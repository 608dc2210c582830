"""
Whether a connection is read: not while there is a reason to hold on, of which there may be several at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eas_host.front.connection import Connection


class Reading:
    """
    Pauses the reading of *connection* while somebody holds it.
    """

    __slots__ = ("_connection", "_reasons")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._reasons = 0

    def hold(self) -> None:
        """
        There is one reason more.
        """
        self._reasons += 1
        transport = self._connection.transport
        if self._reasons == 1 and not transport.is_closing():
            transport.pause_reading()

    def release(self) -> None:
        """
        There is one reason less.
        """
        self._reasons -= 1
        transport = self._connection.transport
        if self._reasons == 0 and not transport.is_closing():
            transport.resume_reading()
