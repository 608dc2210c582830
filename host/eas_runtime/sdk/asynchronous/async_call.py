"""
One request that is a task of the event loop.
"""

import asyncio
import time
from typing import Any

from eas_runtime.ring import RingCall


class AsyncCall:
    """
    A request under way, which no thread has.

    Attributes:
        call: its place in the ring.
        start: when it was taken (`time.monotonic`).
        task: runs it.
        begun: whether the task has begun; before that it cannot be cancelled.
        coroutine: what the task awaits, or takes parts from; None before `process` was called.
        cancelled: whether nobody waits for the answer any more.
        room: done when there may be room for more of the answer.
    """

    __slots__ = ("begun", "call", "cancelled", "coroutine", "room", "start", "task")

    def __init__(self, call: RingCall) -> None:
        self.call = call
        self.start = time.monotonic()
        self.task: asyncio.Task[None] | None = None
        self.begun = False
        self.coroutine: Any = None
        self.cancelled = False
        self.room: asyncio.Future[None] | None = None
