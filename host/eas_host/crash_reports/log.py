"""
Writes crashes, and what sanitizers report, into the log: the first of a kind with its frames, the same again as one
line that counts.

Crashes are of one kind if they have the same cause and the same frames; an address in the cause does not count, since
it differs from process to process. Under load a broken processor crashes hundreds of times a second, so the lines of
one kind are at least `_INTERVAL` apart. A death that no request has caused, such as by `kill -9`, is always written.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import Final

from eas_host import log
from eas_host.crash_reports.report import CrashReport
from eas_host.symbols.sanitizer_report import SanitizerReport

_INTERVAL: Final = 1.0
_MAX_KINDS: Final = 256
"""Kinds that are remembered; a processor crashes in fewer ways."""
_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")

_Kind = tuple[str, str]


class _Seen:
    """
    What is known of one kind: the name of the *first* report, *what* it says, how many there were, how many of these no
    line has told of yet, and whether a line was written so recently that the next one must wait.
    """

    def __init__(self, first: str, what: str) -> None:
        self.first = first
        self.what = what
        self.count = self.untold = 0
        self.waits = False


class CrashLog:
    """
    Remembers what it has written.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._seen: OrderedDict[_Kind, _Seen] = OrderedDict()

    def write(self, report: CrashReport, consequence: str, prefix: str) -> None:
        """
        Log *report*. *consequence* says what happens to the worker; the line begins with *prefix*.
        """
        line = f"{prefix}{report.text(consequence)}"
        if not (report.frames or report.requests):
            log.error("%s", line)
            return
        self._write(
            line, report.details, report.trace, _Seen(f"crash {report.id}", f"{report.cause}{report.explanation}")
        )

    def write_sanitizer_report(self, report: SanitizerReport, number: str, prefix: str) -> bool:
        """
        Log *report* by its *number*, after which the process has gone on. The line begins with *prefix*. Returns
        whether it is the first of its kind.
        """
        name = f"report {number}"
        seen = _Seen(name, report.headline)
        return self._write(f"{prefix}{report.headline} ({name})", report.trace, report.trace, seen)

    def _write(self, line: str, below: str, trace: str, if_first: _Seen) -> bool:
        seen = self._seen_of(trace, if_first)
        seen.count += 1
        if seen.count == 1:
            log.error("%s%s", line, below and f"\n{below}")
        elif seen.waits:
            seen.untold += 1
            return False
        else:
            log.error("%s; as %s, %d in all", line, seen.first, seen.count)
        self._wait(seen)
        return seen.count == 1

    def _wait(self, seen: _Seen) -> None:
        seen.waits = True
        self._loop.call_later(_INTERVAL, self._end_wait, seen)

    def _end_wait(self, seen: _Seen) -> None:
        seen.waits = False
        if seen.untold:
            log.error("%s; %d more like %s, %d in all", seen.what, seen.untold, seen.first, seen.count)
            seen.untold = 0
            self._wait(seen)

    def _seen_of(self, trace: str, if_first: _Seen) -> _Seen:
        kind = (_ADDRESS.sub("", if_first.what), trace)
        seen = self._seen.setdefault(kind, if_first)
        self._seen.move_to_end(kind)
        if len(self._seen) > _MAX_KINDS:
            self._seen.popitem(last=False)
        return seen
