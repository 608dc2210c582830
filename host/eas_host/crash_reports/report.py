"""
The report of one worker process's death: what the client of the request that caused it is told, and what the log says.

A request that a death has failed is answered with one sentence and the report's number, which the log has, too. The
processor's frames follow where the client may see them (`front.http.error_details`).
"""

from __future__ import annotations

import os
import signal
from typing import Final, NamedTuple

from eas_host import answers
from eas_host.dispatch.responses import ErrorResponse
from eas_host.ring import Crash

ID_BYTES: Final = 4
"""Enough to find one report among those of months, and short enough to read it out."""
_OF_RACES: Final = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT})
"""How code ends, among others, whose data two threads have changed at the same time."""


class DeadProcess(NamedTuple):
    """
    A process that has ended.

    Attributes:
        pid: its number.
        status: its exit code, or minus the signal; None: it was no child of this process, so that is not known.
        crash: what its crash handler has recorded.
        by_host: whether the host itself has killed it.
        superseded: whether it has done so because another one had taken its place.
    """

    pid: int
    status: int | None
    crash: Crash | None
    by_host: bool = False
    superseded: bool = False


class FailedRequest(NamedTuple):
    """
    A request that a death has failed, or that has led to it.

    Attributes:
        line: its method and target, fit for a log.
        size: bytes of its body.
        peer: the client's address; empty if no connection waited for it.
        number: its `X-Request-Id`, which clients and proxies give it; empty if they have not.
        body: its body, if that is to be kept.
    """

    line: str
    size: int
    peer: str
    number: str
    body: bytes | None

    def __str__(self) -> str:
        client = f" from {self.peer}" if self.peer else ""
        number = f", request {self.number!r}" if self.number else ""
        return f"{self.line} ({self.size} bytes{client}{number})"


class CrashReport:
    """
    The death of *process*, for the *cause* that a sentence says: "the worker process died of SIGABRT (abort)".

    Attributes:
        id: the number of the report.
        requests: what the process ran, as far as these are held to be the cause.
        calls: how many calls the process ran at that moment.
    """

    def __init__(self, process: DeadProcess, cause: str) -> None:
        self.id = os.urandom(ID_BYTES).hex()
        self.process = process
        self.cause = cause
        self.requests: list[FailedRequest] = []
        self.calls = 0

    @property
    def frames(self) -> tuple[str, ...]:
        """
        Where the processor was, innermost first, as far as that is known.
        """
        return () if self.process.crash is None else self.process.crash.frames

    @property
    def explanation(self) -> str:
        """
        What is known beyond the cause, with a colon before it; empty if nothing is.
        """
        crash = self.process.crash
        return f": {crash.explanation}" if crash is not None and crash.explanation else ""

    def error_response(self, consequence: str = "") -> ErrorResponse:
        """
        Make the answer to a request that the process ran. *consequence* is added to the sentence.
        """
        text = f"{self.cause} while the processor ran this request{consequence}{self.explanation} (crash {self.id})"
        return ErrorResponse(answers.CRASHED, text, detail=self.trace)

    @property
    def trace(self) -> str:
        """
        The frames, each on a line of its own, and below them what else a sanitizer has said; empty if there is neither.
        """
        context = () if self.process.crash is None else self.process.crash.context
        return "\n".join([*(f"  at {frame}" for frame in self.frames), *context])

    @property
    def details(self) -> str:
        """
        What stands below the line in the log: the frames, and how to find out whether the processor is thread-safe, if
        that may be the cause. Nothing shows a data race itself.
        """
        crash = self.process.crash
        if self.calls <= 1 or crash is None or crash.signal not in _OF_RACES:
            return self.trace
        hint = f"  {self.calls} calls ran at once in this process: if it never crashes with --worker-threads 1,"
        return f"{self.trace}\n{hint} the processor is not thread-safe".lstrip("\n")

    @property
    def sentence(self) -> str:
        """
        The cause, what the process ran, and the explanation.
        """
        ran = f" while it ran {', '.join(map(str, self.requests))}" if self.requests else ""
        return f"{self.cause}{ran}{self.explanation}"

    def text(self, consequence: str) -> str:
        """
        Return the line for the log. *consequence* says what happens to the worker.
        """
        return f"{self.sentence}; {consequence} (crash {self.id}, process {self.process.pid})"
