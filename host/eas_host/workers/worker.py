"""
One worker as its supervisor sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from eas_host.errors import LoadError
from eas_host.workers.recovery import Suspects


class State(Enum):
    """
    Where a worker is in its life.
    """

    LOADING = "loading"
    READY = "ready"
    DEAD = "dead"


class Process(Protocol):
    """
    A worker process, as `Spawn` starts it.
    """

    pid: int

    def send(self, message: dict[str, Any]) -> None:
        """
        Send *message* to it. Never blocks.
        """

    def kill(self) -> None:
        """
        End it now.
        """


Spawn = Callable[[int, Callable[[dict[str, Any]], None], Callable[[int], None]], Process]
"""
Starts the process of a worker, by its number. Each of its messages goes to the first function, and once, when it has
died, its exit status to the second: an exit code, or minus the signal that ended it. OSError: it cannot be started.
"""


class Worker:
    """
    One worker: a number that stays, and one process after another.

    Attributes:
        threads: how many of its threads take requests.
    """

    def __init__(self, number: int, threads: int) -> None:
        self.number = number
        self.state = State.DEAD
        self.process: Process | None = None
        self.threads = threads
        self.suspects = Suspects()
        self.load_error: LoadError | None = None
        self.ready_at = 0.0
        self.failed_starts = 0
        self.started = False
        self.stuck_since: float | None = None
