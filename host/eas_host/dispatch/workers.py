"""
The interfaces of what runs a processor, as the front sees it; `eas_host.workers` and `eas_host.sidecar` implement them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from eas_runtime.messages import Message

SPARE_WORKERS: Final = 1
"""Room in the ring for a worker that loads while the one in whose place it will serve still runs."""
OnMessage = Callable[[int, Message], None]
"""
Called with a worker's number and each of its messages; also with `Ready` when it has loaded, with `Died` when it is
gone, and with `ProcessCount` when there are more workers than before.
"""


class Workers(Protocol):
    """
    What runs the processor.

    Attributes:
        restarts: the worker processes started in place of dead ones.
        deaths: how many worker processes have ended, by their causes (`death.Death.cause`).
        leaves_threads: whether after `stop` threads of this process, which need Python, may still be in the processor.
    """

    restarts: int
    deaths: Counter[str]
    leaves_threads: bool

    @property
    def proven(self) -> bool:
        """
        Whether the processor has served. From then on no death of a worker means that it cannot be loaded.
        """

    @property
    def pids(self) -> dict[int, int]:
        """
        The processes that run the processor now, by the number of their worker.
        """

    def run(self, serve: Callable[[], None]) -> None:
        """
        Call *serve*, which runs the front until the host ends, as soon as the processor does not need this thread.

        Raises:
            LoadError: the processor, which needs this thread first, cannot be used.
        """

    async def start(self) -> None:
        """
        Load the processor.
        """

    async def stop(self) -> None:
        """
        End the workers, after the last request.
        """

    def kill(self) -> None:
        """
        End the workers now.
        """

    def take_suspects(self) -> list[int]:
        """
        Give up the requests that wait to run alone, after the death of their worker, and return their slots.
        """

    def send(self, message: Message, worker: int | None = None) -> None:
        """
        Send *message* to *worker*, or to all, as far as they are ready. Never blocks.
        """


class SoloListener(Protocol):
    """
    Has requests run alone, after the death of the worker that ran them, and is told how they end.
    """

    def solo_done(self, slot: int) -> None:
        """
        Handle that the request in *slot* is done, or that its answer has begun and cannot begin again.
        """

    def solo_abandoned(self, slot: int) -> None:
        """
        Handle that nobody waits for the request in *slot* any more, while a worker runs it.
        """
