"""
What the front knows of where a processor runs; `eas_host.workers` and `eas_host.sidecar` are such places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from eas_host.messages import Message

OnMessage = Callable[[int, Message], None]
"""
Called with a worker's number and each of its messages; also with `ready` when it has loaded and with `died` when it is
gone, and with `processes` when there are more workers than before.
"""


class Workers(Protocol):
    """
    What runs the processor.

    Attributes:
        restarts: the worker processes started in place of dead ones.
        deaths: how many worker processes have ended, by their causes (`death.Death.cause`).
        proven: whether the processor has served, so that no death says any more that it cannot be loaded.
    """

    restarts: int
    deaths: Counter[str]

    @property
    def proven(self) -> bool:
        """
        See above.
        """

    def run(self, serve: Callable[[], None]) -> None:
        """
        Call *serve*, which runs the front until all is over, at the point where this thread is free for it.

        Raises:
            LoadError: the processor, which needs this thread first, cannot be used.
        """

    async def start(self) -> None:
        """
        Load the processor.
        """

    async def stop(self) -> None:
        """
        End, after the last request.
        """

    def kill(self) -> None:
        """
        End now.
        """

    def take_suspects(self) -> list[int]:
        """
        Give away the requests that wait to run alone, after the death of their worker. Returns their slots.
        """

    def tell(self, message: Message, worker: int | None = None) -> None:
        """
        Send *message* to *worker*, or to all, as far as they are ready. Never blocks.
        """
