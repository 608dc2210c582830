"""
Watches the event loop: a call that blocks it blocks all requests, which its author must learn.

While requests are under way, the loop is asked now and then to answer. If it takes longer than a second, the log says
where its thread is; then after twice that time, and so on, while it stays so.
"""

import time
from typing import Callable

from eas_runtime.sdk.asynchronous.event_loop import EventLoop
from eas_runtime.sdk.stacks import stacks_of
from eas_runtime.unpatched import Event, SimpleQueue, start_thread

_BLOCKED_SECONDS = 1.0
"""After so long a line in the log is worth it: short beside the time that a request may take."""
_LOOK_SECONDS = 0.25
"""Between two looks: few beside what the requests cost."""


class LoopWatch:
    """
    Watches *loop* from the first call of `begin` on, while *is_busy*. *log* writes to the host's log.
    """

    def __init__(self, loop: EventLoop, is_busy: "Callable[[], bool]", log: "Callable[[str, str], None]") -> None:
        self._loop = loop
        self._is_busy = is_busy
        self._log = log
        self._begun: SimpleQueue[None] = SimpleQueue()
        self._watching = False
        self._answered = 0
        start_thread(self._run, "eas-loop-watch")

    def begin(self) -> None:
        """
        Watch: the loop is busy from here on.
        """
        if not self._watching:
            self._watching = True
            self._begun.put(None)

    def _run(self) -> None:
        while True:
            self._begun.get()
            self._watch()

    def _watch(self) -> None:
        pause = Event()  # which nobody sets
        asked = self._answered
        blocked_since = 0.0
        reported = 0.0  # seconds of the last report
        while True:
            before = time.monotonic()
            if self._answered == asked:
                blocked_since = before
                reported = 0.0
                # In this order: a request that begins now finds that nobody watches.
                self._watching = False
                if not self._is_busy():
                    return
                self._watching = True
                asked += 1
                self._loop.call(self._answer, asked)
            else:
                blocked = before - blocked_since
                if blocked >= max(_BLOCKED_SECONDS, 2 * reported):
                    reported = blocked
                    self._report(blocked)
            pause.wait(_LOOK_SECONDS)

    def _answer(self, number: int) -> None:
        self._answered = number

    def _report(self, seconds: float) -> None:
        assert self._loop.thread is not None  # noqa: S101  it has tasks
        stacks = stacks_of([(self._loop.thread, 0.0)])
        if stacks:  # else it is not the program's code that takes so long
            text = f"the event loop is blocked for {seconds:.0f} s, and all requests with it: {stacks[0].place}"
            self._log("W", f"{text}\n{stacks[0].frames}")
