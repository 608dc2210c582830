"""
What was seen of the requests of one step: so many at a time, or so many a second.

Times are those of successes alone. An error may be the quickest answer of all, a 450 for instance, and would make an
overloaded service look fast.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from eas_host.load.batches.calls import BatchCalls
from eas_host.load.cpu import CpuTimes
from eas_host.load.histogram import Histogram
from eas_host.reply import BAD_REQUEST

_MOST_ERRORS: Final = 0.01
"""The share of errors with which a step can still be within a limit of time."""
_WHOLE_CORE: Final = 0.9
"""The share of a core from which on whoever used it may have waited for it."""


@dataclass
class Measurement:
    """
    One step.

    Attributes:
        concurrency: how many requests were kept under way; None: they were sent at a rate.
        rate: how many were sent a second; None: the next was sent when one was answered.
        seconds: how long it took, to the last answer.
        sent: requests sent, or due to be sent.
        statuses: how often each status was answered.
        lost: requests whose connection was lost, or could not be made.
        unanswered: requests without an answer when their time was over.
        latency: from when a request was sent, or should have been, to the last byte of its answer.
        first: the same up to the first byte of the body, of answers that came in parts.
        queue: how long it waited for a worker, as the host said.
        call: how long the processor took, as the host said.
        batches: the calls that requests shared, as the host said.
        first_error: the first status of 400 or more with its body.
        cpu: CPU time that was used meanwhile.
        interrupted: whether its user has ended it.
    """

    concurrency: int | None = None
    rate: float | None = None
    seconds: float = 0.0
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    unanswered: int = 0
    latency: Histogram = field(default_factory=Histogram)
    first: Histogram = field(default_factory=Histogram)
    queue: Histogram = field(default_factory=Histogram)
    call: Histogram = field(default_factory=Histogram)
    batches: BatchCalls = field(default_factory=BatchCalls)
    first_error: tuple[int, str] | None = None
    cpu: CpuTimes | None = None
    interrupted: bool = False

    def count_answer(self, status: int, body: bytes) -> bool:
        """
        Count an answer. *body* is the beginning of an error's. Returns whether it is a success.
        """
        self.statuses[status] += 1
        if status < BAD_REQUEST:
            return True
        if self.first_error is None:
            self.first_error = (status, body.decode("utf-8", "replace"))
        return False

    @property
    def load(self) -> float:
        """
        The concurrency or the rate.
        """
        return float(self.concurrency or self.rate or 0)

    @property
    def name(self) -> str:
        """
        The load, with a word for what it is.
        """
        return f"rate {self.rate:g}/s" if self.rate is not None else f"concurrency {self.concurrency}"

    @property
    def answered(self) -> int:
        """
        How many requests were answered.
        """
        return self.statuses.total()

    @property
    def errors(self) -> int:
        """
        How many requests had no success.
        """
        return self.answered - self.latency.count + self.lost + self.unanswered

    @property
    def throughput(self) -> float:
        """
        Successes a second.
        """
        return self.latency.count / self.seconds if self.seconds else 0.0

    def is_within(self, limit: float | None) -> bool:
        """
        Tell whether 99 % of the successes took no more than *limit* seconds, with hardly an error.
        """
        if not self.latency.count or self.errors > _MOST_ERRORS * self.sent:
            return False
        return limit is None or self.latency.percentile(99) <= limit

    @property
    def limited_by(self) -> str | None:
        """
        What had no CPU time left: `generator`, `front` or `machine`; None: nothing that is known.
        """
        if self.cpu is None or not self.seconds:
            return None
        if self.cpu.generator + self.cpu.generator_delay >= _WHOLE_CORE * self.seconds:
            return "generator"
        if self.cpu.front is not None and self.cpu.front >= _WHOLE_CORE * self.seconds:
            return "front"
        if self.cpu.total >= _WHOLE_CORE * self.seconds * self.cpu.cores:
            return "machine"
        return None
