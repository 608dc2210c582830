"""
One worker as its supervisor sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from eas_host.errors import LoadError
from eas_host.messages import Message
from eas_host.workers.recovery import QuarantinedRequests
from eas_host.workers.restarts import Restarts


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

    def send(self, message: Message) -> None:
        """
        Send *message* to it. Never blocks.
        """

    def kill(self) -> None:
        """
        End it now.
        """


Spawn = Callable[[int, Callable[[Message], None], Callable[[int], None]], Process]
"""
Starts the process of a worker, by its number. Each of its messages goes to the first function, and once, when it has
died, its exit status to the second: an exit code, or minus the signal that ended it. OSError: it cannot be started.
"""


class Neglect:
    """
    What a process has been seen not to do, in seconds (`liveness`).

    Attributes:
        completed: what its worker had completed at the last look.
        stuck: all its threads were in calls that nobody waits for.
        idle: it has not taken what waits.
        stopped: it was stopped while it loaded.
    """

    def __init__(self, completed: int) -> None:
        self.completed = completed
        self.stuck = self.idle = self.stopped = 0.0


class Worker:
    """
    One worker: a number that stays, and one process after another.

    Attributes:
        threads: how many of its threads take requests.
        reads: whether its program has begun to read requests itself. It may then hold more of them than it has threads
            that read, and these may end.
        restarts: when the next process is started.
        due: the loop's time at which it is, if there is none.
        began: what the worker had completed when its process was started.
        killed: whether the host itself has ended the process.
        blocked: whether it has crashed and stays down, for good.
    """

    def __init__(self, number: int, threads: int) -> None:
        self.number = number
        self.state = State.DEAD
        self.process: Process | None = None
        self.threads = threads
        self.reads = False
        self.suspects = QuarantinedRequests()
        self.restarts = Restarts()
        self.due = 0.0
        self.load_error: LoadError | None = None
        self.ready_at = 0.0
        self.started = False
        self.began = 0
        self.killed = False
        self.blocked = False
        self.neglect = Neglect(0)

    def renew(self, completed: int) -> None:
        """
        Another process is about to be started, after the worker has *completed* so much.
        """
        self.state = State.LOADING
        self.reads = False
        self.load_error = None
        self.began = completed
        self.killed = False
        self.neglect = Neglect(completed)

    def kill(self) -> None:
        """
        End its process now. That is not held against what it runs, nor against its processor.
        """
        if self.process is not None:
            self.killed = True
            self.process.kill()
