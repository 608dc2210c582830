"""
Tells whether a processor gives other answers when several calls run at once: nothing else shows a data race that
crashes nothing.

First each body is answered while nothing else runs. If it gets one and the same answer every time, any other answer
later on comes from a call that ran beside it.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from eas_host import log

if TYPE_CHECKING:
    from eas_host.service.invocation import Invocation

OTHER_ANSWERS: Final = 5
"""Exit code if answers differ when calls run at once."""
_SHOWN: Final = 60
"""How many bytes of an answer are shown."""

_Answer = tuple[int, bytes]
"""A status, and the digest of an output."""


class Answers:
    """
    What each body was answered.
    """

    def __init__(self) -> None:
        self._answers: defaultdict[int, set[_Answer]] = defaultdict(set)

    def add(self, call: Invocation) -> None:
        """
        Note what *call* was answered.
        """
        self._answers[call.number].add(_answer(call))

    def differ(self) -> bool:
        """
        Tell whether a body got several answers.
        """
        return any(len(answers) > 1 for answers in self._answers.values())

    def have(self, call: Invocation) -> bool:
        """
        Tell whether the body of *call* got the same answer.
        """
        return _answer(call) in self._answers[call.number]


class CallsAtOnce:
    """
    What was seen of calls that ran at once. *alone* are the answers to calls each of which ran alone; *language* is
    that of the processor.
    """

    def __init__(self, alone: Answers, language: str) -> None:
        self._alone = alone
        place = "build it with -fsanitize=thread to see the place" if language == "cpp" else "use a lock"
        self._advice = f"is process thread-safe? {place}, or serve with --worker-threads 1"
        self._count = self._others = 0
        self._first: Invocation | None = None  # that had another answer
        self._crashed = False

    def add(self, call: Invocation) -> None:
        """
        Compare what *call* was answered.
        """
        self._count += 1
        self._crashed = self._crashed or call.resident is None
        if not self._alone.have(call):
            self._others += 1
            self._first = self._first or call

    def finish(self, at_once: int, threads: int, crashed: int) -> int:
        """
        Print what is known of the calls, *at_once* of which were to run at once on so many *threads*. Returns the exit
        code, which is *crashed* if one has ended the worker.
        """
        if not self._count:
            return 0
        head = f"{min(at_once, threads)} at once"
        if threads == 1:
            log.print_error("one thread calls the processor, so no calls ran at once: see --worker-threads")
        elif self._crashed:
            log.print_error(f"{head}: the processor crashed, as it did not one after another: {self._advice}")
            return crashed
        elif self._alone.differ():
            log.print_error(f"{head}: the answers differ already one after another, so they tell nothing of threads")
        elif self._first is not None:
            outcome = self._first.outcome
            shown = outcome.body_text(_SHOWN) + ("..." if len(outcome.body) > _SHOWN else "")
            others = f"{self._others} of {self._count} answers differ from those one after another"
            log.print_error(f"{head}: {others}, such as status {outcome.status}, {shown!r}: {self._advice}")
            return OTHER_ANSWERS
        else:
            log.print_error(f"{head}: all {self._count} answers are those of one after another")
        return 0


def _answer(call: Invocation) -> _Answer:
    return call.outcome.status, blake2b(call.outcome.body).digest()
