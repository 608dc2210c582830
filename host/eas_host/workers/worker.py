"""
One worker as its supervisor sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from eas_host.errors import LoadError
from eas_host.ring import Crash
from eas_host.workers.recovery import QuarantinedRequests
from eas_host.workers.restarts import Restarts
from eas_runtime.messages import Message


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


OnDeath = Callable[[int, Crash | None], None]
"""
Gets an exit status, an exit code or minus the signal that ended the process, and what its crash handler recorded.
"""
Spawn = Callable[[int, Callable[[Message], None], OnDeath], Process]
"""
Starts the process of a worker, by its number. Each of its messages goes to the first function, and its death, once, to
the second. OSError: it cannot be started.
"""


class Inactivity:
    """
    For how many seconds a process has done nothing (`liveness`).

    Attributes:
        completed: how many requests its worker had completed at the last check.
        stuck: seconds in which all its threads were in calls that nobody waits for.
        idle: seconds in which it has not taken the requests that wait.
        stopped: seconds for which it was stopped while it loaded.
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
        due: the loop's time at which that is, if there is no process.
        completed_before: how many requests the worker had completed when its process was started.
        killed: whether the host itself has ended the process.
        blocked: whether it has crashed and stays down, for good.
        successor: the worker that is to serve in its place, once that is ready.
        replaces: the worker in whose place it is to serve.
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
        self.completed_before = 0
        self.killed = False
        self.blocked = False
        self.successor: Worker | None = None
        self.replaces: Worker | None = None
        self.inactivity = Inactivity(0)

    def begin_loading(self, completed: int) -> None:
        """
        Reset what is known of the last process: another one is about to be started, after the worker has *completed* so
        many requests.
        """
        self.state = State.LOADING
        self.reads = False
        self.load_error = None
        self.completed_before = completed
        self.killed = False
        self.inactivity = Inactivity(completed)

    def kill(self) -> None:
        """
        End its process now. Neither the requests that it runs nor its processor count as the cause.
        """
        if self.process is not None:
            self.killed = True
            self.process.kill()
