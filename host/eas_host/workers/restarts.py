"""
Decides when the next process of a worker is started: a policy, with neither a clock nor a process of its own.

It depends on what the last process has done, since the next one will do much the same:

- It lasted, or one request is known to have ended it: the next one is started at once. A poison request that comes
  again and again costs only its sender, who gets a 500 each time.
- It answered something and ended early all the same, since a request has left something behind that ended it. The next
  one will answer something, too, so requests must not wait for it for long: it is started at once the first time, then
  later and later, but never later than a tenth of a request's time. That is enough to leave the machine to others.
- It ended early and had answered nothing, or it was never ready: it was killed from outside, could not load, or could
  not be started at all. The next one will hardly do better, so these are tried less and less often, and for ever: a
  want of memory or of processes may pass.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

PROVEN_SECONDS: Final = 1.0
"""A process that was ready for so long has lasted."""
_FIRST_DELAY: Final = 0.1
_MAX_DELAY: Final = 10.0
"""The shortest and the longest delay, in seconds, after processes that have answered nothing; it doubles each time."""
_KEEPALIVE_DIVISOR: Final = 10
_MAX_DELAY_ANSWERED: Final = 1.0
"""
The longest delay after processes that have answered: one part in so many of a request's time, at most so many seconds.
"""
_MAX_DOUBLINGS: Final = 10
"""Failures that go on for hours would overflow the float."""
_LOAD_FAILURES: Final = 3
_LOAD_KILLS: Final = 10
"""
Ends in a row after which a version that has never served is given up: it cannot load; or whatever kills it goes on for
half a minute.
"""


class End(Enum):
    """
    How a worker's process came to its end.
    """

    LASTED = "lasted"
    ANSWERED = "ended early, but had answered"
    EARLY = "ended early, without an answer"
    KILLED = "killed from outside before it had answered"
    LOAD_FAILED = "could not load"
    START_FAILED = "could not be started"


class Restarts:
    """
    The back-off of one worker.

    Attributes:
        delay: seconds between the last end and the next start.
        early: how many ends in a row have come early, or before the process was ready.
        load_failed: whether the last process could not load, without being killed: the next one will hardly do better.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.early = 0
        self.load_failed = False
        self._unanswered = 0  # ends in a row without an answer; of these, by their causes:
        self._faults = 0
        self._kills = 0

    def after(self, end: End, keepalive: float) -> float:
        """
        Note *end*, and return how many seconds to wait. A request has *keepalive* seconds.
        """
        self.early = 0 if end is End.LASTED else self.early + 1
        self.load_failed = end is End.LOAD_FAILED
        if end in (End.LASTED, End.ANSWERED):
            self._unanswered = self._faults = self._kills = 0
            longest = min(_MAX_DELAY_ANSWERED, keepalive / _KEEPALIVE_DIVISOR)
            self.delay = min(longest, _doubled(self.early - 2)) if self.early > 1 else 0.0
        else:
            self._unanswered += 1
            self._kills += end is End.KILLED
            self._faults += end in (End.EARLY, End.LOAD_FAILED)
            self.delay = min(_MAX_DELAY, _doubled(self._unanswered - 1))
        return self.delay

    def worth_waiting(self, keepalive: float) -> bool:
        """
        Tell whether the next process may well answer a request that comes now and has *keepalive* seconds.
        """
        return not self.load_failed and self.delay <= keepalive / 2

    @property
    def give_up(self) -> bool:
        """
        Whether a version that has never served is to be given up.
        """
        return self._faults >= _LOAD_FAILURES or self._kills >= _LOAD_KILLS


def _doubled(times: int) -> float:
    return _FIRST_DELAY * 2.0 ** min(times, _MAX_DOUBLINGS)
