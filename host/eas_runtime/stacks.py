"""
Where a processor is, for the log: when a request takes long, when a load does, and when somebody asks.

Each language can say where its threads are while they loop or wait (`WorkerProcessor.stacks`). When that is logged, and
in which words, is decided here. A thread of its own asks, because finding the stacks may itself take long, and the
thread of the control channel must not wait.
"""

import time
from typing import Callable, NamedTuple

from eas_runtime.control import ControlChannel
from eas_runtime.errors import print_trace
from eas_runtime.messages import LogStacks
from eas_runtime.unpatched import Empty, SimpleQueue, start_thread

_FIRST_SECONDS = 10.0
"""After so long a load is reported; then after twice that time, and so on."""


class Stack(NamedTuple):
    """
    Where one thread is that runs the processor's code.

    Attributes:
        thread: its name.
        start: when it began its request (`time.monotonic`); None: it is the processor's own thread, or loads it.
        place: the innermost function of the processor's own, with its file and line ("Load at Scorer.java:41"); empty
            if that is not known.
        frames: its frames as the language prints them, one or more lines; empty if they are not known.
    """

    thread: str
    start: "float | None"
    place: str
    frames: str


class StackReporter:
    """
    Logs where the processor is, whenever the front asks for it over *control*, and while it takes long to load.

    Args:
        control: the channel to the front; its `ready` is set once the processor is loaded.
        stacks: returns the stacks of the threads that run the processor's code now. Called on a thread of its own.
        log: writes a warning to the log.
    """

    def __init__(
        self, control: ControlChannel, stacks: "Callable[[], list[Stack]]", log: "Callable[[str], None]"
    ) -> None:
        self._stacks = stacks
        self._log = log
        self._ready = control.ready
        self._start = time.monotonic()
        self._reasons: SimpleQueue[str] = SimpleQueue()
        control.on(LogStacks, lambda message: self._reasons.put(message.reason))
        start_thread(self._run, "eas-stacks")

    def _run(self) -> None:
        seconds = _FIRST_SECONDS
        while True:
            reason = self._next_reason(self._start + seconds)
            try:
                if reason is not None:
                    self._report(describe_stacks(self._stacks(), reason))
                elif not self._ready.is_set():
                    self._report(describe_load(self._stacks(), time.monotonic() - self._start))
                    seconds *= 2
            except Exception:  # noqa: BLE001  a bug of the host, or a program that is about to end
                print_trace()

    def _next_reason(self, until: float) -> "str | None":
        """
        Wait for the front to ask and return its reason; None if it has not asked *until* then, and the processor is not
        loaded yet.
        """
        if self._ready.is_set():
            return self._reasons.get()
        try:
            return self._reasons.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return None

    def _report(self, text: "str | None") -> None:
        if text is not None:
            self._log(text)


def describe_stacks(stacks: "list[Stack]", reason: str) -> "str | None":
    """
    Describe the *stacks* of busy threads, for a *reason*. Returns None if there is none.
    """
    if not stacks:
        return None
    now = time.monotonic()
    workers = sum(stack.start is not None for stack in stacks)
    count = f"the {workers} busy worker threads are" if workers > 1 else "the busy worker thread is"
    lines = [f"where {count} ({reason}):"]
    for stack in sorted(stacks, key=lambda stack: (stack.start is None, stack.start or 0.0)):
        lines.append(f"{stack.thread}:" if stack.start is None else f"{stack.thread}, for {now - stack.start:.1f} s:")
        lines.append(stack.frames)
    return "\n".join(filter(None, lines))


def describe_load(stacks: "list[Stack]", seconds: float) -> str:
    """
    Say that the processor has been loading for so many *seconds*, and where it is: *stacks* has the thread that does.
    """
    places = [stack.place for stack in stacks if stack.place]
    where = f": in {places[0]}" if places else ""
    return "\n".join(
        [f"still loading{where}, for {seconds:.0f} s", *(stack.frames for stack in stacks if stack.frames)]
    )
