"""
How a worker's process ended: what is known of it, what the log says, and what it means for the next process.
"""

from __future__ import annotations

import signal
from typing import Final, NamedTuple

from eas_host.errors import InitializeFailed, LoadError, SystemShortage
from eas_host.ring import Crash
from eas_host.ring.front import SANITIZER
from eas_host.workers.restarts import PROVEN_SECONDS, End

_MEANINGS: Final = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "abort",
    signal.SIGFPE: "arithmetic error",
    signal.SIGBUS: "bus error",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed from outside, or by the kernel for want of memory",
}
EXTERNAL_SIGNALS: Final = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that people, scripts and the kernel send; a processor's own faults come as others."""
_JVM_STOPS: Final = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGTERM})
_SIGNALLED: Final = 128
"""Signals on which a JVM ends its process, and what it adds to their number for the exit code."""
_WITH_ADDRESS: Final = frozenset({signal.SIGSEGV, signal.SIGBUS})


class Death(NamedTuple):
    """
    The end of one process.

    Attributes:
        status: an exit code, or minus the signal.
        crash: what the crash handler has recorded.
        ready_for: how many seconds the process had been ready; None: it never was.
        answered: how many requests it had answered.
        proven: whether a request is known to have ended it.
        by_host: whether the host itself has killed it.
        load_error: why it could not load, if it has reported that.
    """

    status: int
    crash: Crash | None
    ready_for: float | None
    answered: int
    proven: bool
    by_host: bool
    load_error: LoadError | None

    @property
    def killed(self) -> bool:
        """
        Whether a signal from outside the process has ended it.
        """
        return -self.status in EXTERNAL_SIGNALS and self.load_error is None and self.crash is None

    @property
    def loaded(self) -> bool:
        """
        Whether it had loaded the processor, and all of its threads had started.
        """
        return self.ready_for is not None and self.load_error is None

    @property
    def end(self) -> End:
        """
        The kind of end, which decides when the next process is started.
        """
        if self.ready_for is not None and (self.proven or self.by_host or self.ready_for >= PROVEN_SECONDS):
            return End.LASTED
        if self.answered:
            return End.ANSWERED
        if self.killed:
            return End.KILLED
        if isinstance(self.load_error, SystemShortage):
            return End.START_FAILED
        return End.EARLY if self.loaded else End.LOAD_FAILED

    @property
    def cause(self) -> str:
        """
        The cause in one word, as metrics count it.
        """
        if self.by_host:
            return "unresponsive"
        if self.killed:
            return "killed"
        if not self.loaded:
            return "load"
        if self.crash is not None and self.crash.call == SANITIZER:
            return "crash"
        ended_itself = self.status >= 0 or (self.crash is not None and self.crash.signal == 0)
        return "exit" if ended_itself else "crash"

    def error(self, entry: str | None, hint: str) -> LoadError:
        """
        Make the error that says what is wrong with the processor *entry*, should it be given up. *hint* is added.
        """
        if self.load_error is not None:
            return self.load_error
        when = "as soon as it was loaded" if self.loaded else "while loading it"
        if self.crash is None:
            return InitializeFailed(f"{entry}: {describe(None, self.status)} {when}{hint}")
        explanation = f": {self.crash.explanation}" if self.crash.explanation else ""
        frames = "\n".join([*(f"  at {frame}" for frame in self.crash.frames), *self.crash.context])
        return InitializeFailed(f"{entry}: {describe(self.crash, self.status)} {when}{explanation}{hint}", frames)


def describe(crash: Crash | None, status: int | None, who: str = "the worker process") -> str:
    """
    Say in a few words how a worker ended. *status* is None if the process is no child of this one, and so not known.
    """
    if crash is not None and crash.headline:
        return crash.headline
    if crash is not None and crash.call == SANITIZER:
        return f"a sanitizer has ended {who}"
    if crash is not None and crash.signal == 0:
        return _describe_exit(crash)
    if crash is not None and crash.signal == signal.SIGKILL:
        return "the processor sent SIGKILL to its own process"
    if crash is None and status is None:
        return f"{who} has ended"
    number = crash.signal if crash is not None else -(status or 0)
    if number <= 0:
        return f"{who} ended itself with exit code {status}"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    meaning = f" ({_MEANINGS[number]})" if number in _MEANINGS else ""  # type: ignore[index]  # Signals are ints
    address = ""
    if crash is not None and number in _WITH_ADDRESS and crash.code > 0 and not crash.explanation:
        address = f" at address {crash.address:#x}"
    return f"{who} died of {name}{meaning}{address}"


def _describe_exit(crash: Crash) -> str:
    """
    Say who has ended the process: the processor, or a JVM that it has started.
    """
    called = f"called {crash.call}({crash.code})"
    if crash.call != "exit" or not any("/libjvm.so" in place for place in crash.places):
        return f"the processor {called}"
    number = crash.code - _SIGNALLED
    on_signal = f", as it does on {signal.Signals(number).name}" if number in _JVM_STOPS else ""
    return f"the JVM in the worker process {called}{on_signal}"
