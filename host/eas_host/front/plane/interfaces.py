"""
Whom a transport of the data plane deals with: the protocol object of its client, and the plane.
"""

from __future__ import annotations

from typing import Protocol

from eas_host.dispatch.exchange import Exchange
from eas_host.ring.plane import NativePlane


class Client(Protocol):
    """
    The protocol object of a client, beside what asyncio's are.
    """

    def take_over(self, slot: int, size: int, began: float) -> Exchange:
        """
        Make the exchange of the request in *slot*, which began at the loop's time *began* and whose body has *size*
        bytes: the plane has submitted it, and hands it up.
        """


class Settler(Protocol):
    """
    The plane, as a transport knows it.
    """

    native: NativePlane

    def settle(self) -> None:
        """
        Handle what the native plane has reported since its last turn.
        """

    def flush_later(self, ring: int) -> None:
        """
        Wake a worker and drain *ring* once the events of this turn are handled.
        """

    def forget(self, number: int) -> None:
        """
        Forget the transport of that number.
        """
