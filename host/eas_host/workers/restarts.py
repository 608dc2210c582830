"""
When the next process of a worker is started: a policy, with neither a clock nor a process of its own.

What matters is what the one before has done, since that tells what the next one will do:

- It lasted, or one request is known to have ended it: the next one is started at once. A poison request that comes
  again and again is paid for by its sender, with a 500 each time.
- It answered something and ended early all the same, as one does that a request has left a time bomb in. The next one
  will answer something, too, so who waits must not wait for long: at once the first time, then later and later, but
  never longer than a tenth of a request's time. That is enough to leave the machine to others.
- It ended early and had answered nothing, or it never came to be ready: it was killed from outside, could not load, or
  could not be started at all. The next one will hardly do better, so these are tried less and less often, and for ever:
  a want of memory or of processes may pass.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

PROVEN_SECONDS: Final = 1.0
"""A process that was ready for so long has lasted."""
FIRST: Final = 0.1
LONGEST: Final = 10.0
"""Seconds before the first, and the rarest, of the tries that promise little; each waits twice as long as the last."""
SHARE: Final = 10
LONGEST_USEFUL: Final = 1.0
"""One part in so many of a request's time, and at most so many seconds, is what the others wait."""
MOST_DOUBLINGS: Final = 10
"""Failures that go on for hours would overflow the float."""
LOAD_FAILURES: Final = 3
LOAD_KILLS: Final = 10
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
    IN_VAIN = "ended early, without an answer"
    KILLED = "killed from outside before it had answered"
    UNLOADED = "could not load"
    UNSTARTED = "could not be started"


class Restarts:
    """
    The back-off of one worker.

    Attributes:
        delay: seconds between the last end and the next start.
        early: how many ends in a row have come early, or before the process was ready.
        refused: whether the last one could not load: it was not killed, it will hardly be better next time.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.early = 0
        self.refused = False
        self._fruitless = 0  # those in a row that have answered nothing; of these, by whose doing:
        self._faults = 0
        self._kills = 0

    def after(self, end: End, keepalive: float) -> float:
        """
        Note *end*, and say how many seconds to wait. A request has *keepalive* seconds.
        """
        self.early = 0 if end is End.LASTED else self.early + 1
        self.refused = end is End.UNLOADED
        if end in (End.LASTED, End.ANSWERED):
            self._fruitless = self._faults = self._kills = 0
            longest = min(LONGEST_USEFUL, keepalive / SHARE)
            self.delay = min(longest, _doubled(self.early - 2)) if self.early > 1 else 0.0
        else:
            self._fruitless += 1
            self._kills += end is End.KILLED
            self._faults += end in (End.IN_VAIN, End.UNLOADED)
            self.delay = min(LONGEST, _doubled(self._fruitless - 1))
        return self.delay

    def hopeful(self, keepalive: float) -> bool:
        """
        Whether a request that comes now, and has *keepalive* seconds, may well be answered by the next process.
        """
        return not self.refused and self.delay <= keepalive / 2

    @property
    def hopeless(self) -> bool:
        """
        Whether a version that has never served is to be given up.
        """
        return self._faults >= LOAD_FAILURES or self._kills >= LOAD_KILLS


def _doubled(times: int) -> float:
    return FIRST * 2.0 ** min(times, MOST_DOUBLINGS)
