"""
The last failures of the service, for whoever looks at its page (`front.ui`): crashes, exceptions, wrong outputs, and
requests that were late or that the queue had no room for.

The same failure again only counts, so that a flood of one kind leaves the others in the list. It is bounded in number
and in text, and nothing is located or formatted before somebody looks.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from typing import Final, NamedTuple

_MOST: Final = 20
_MAX_TEXT: Final = 1000
_MAX_FRAMES: Final = 8000
"""Characters of the frames that are kept; those of the exceptions that one raises while handling another are many."""
_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")


class Failure(NamedTuple):
    """
    Failures of one kind.

    Attributes:
        cause: what went wrong, as the log says it.
        request: the request that the newest one concerns.
        frames: where the processor was, a frame a line; empty if that is not known.
        when: the time of the newest one, in seconds since 1970.
        times: how many there were.
    """

    cause: str
    request: str
    frames: str
    when: float
    times: int


class RecentFailures:
    """
    Remembers them.

    Attributes:
        total: how many there were since the start, forgotten ones included.
    """

    def __init__(self) -> None:
        self.total = 0
        self._failures: OrderedDict[tuple[str, str], Failure] = OrderedDict()

    def add(self, cause: str, request: str = "", frames: str = "") -> None:
        """
        Note that *request* failed for *cause*, and where the processor was.
        """
        cause, frames = cause[:_MAX_TEXT], frames.strip("\n")[:_MAX_FRAMES]
        # An address differs from process to process.
        kind = (_ADDRESS.sub("", cause) if "0x" in cause else cause, frames)
        known = self._failures.pop(kind, None)
        times = 1 if known is None else known.times + 1
        self._failures[kind] = Failure(cause, request[:_MAX_TEXT], frames, time.time(), times)
        if len(self._failures) > _MOST:
            self._failures.popitem(last=False)
        self.total += 1

    def newest_first(self) -> list[Failure]:
        """
        List what is remembered.
        """
        return list(reversed(self._failures.values()))
