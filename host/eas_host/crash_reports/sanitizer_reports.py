"""
The reports of the sanitizers in one worker process, which the runtimes write as lines, one report after another: to a
pipe of their own, or among the lines that the processor prints to standard error: those of UndefinedBehaviorSanitizer,
which from its first report on has the others in the process write there, too.

A report that ends the process is part of its death. Whether it does shows soon after: the process then records its end
in the ring (native/src/sanitizers.cc), which is looked at once the report seems to be whole and nothing more comes. All
others are passed on at that time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from eas_host import log
from eas_host.symbols.locator import Locator
from eas_host.symbols.sanitizer_report import HEAD, LEAKS, UNDEFINED, SanitizerReport, read_report

_WHOLE_SECONDS: Final = 0.2
_UNFINISHED_SECONDS: Final = 5.0
"""For how long nothing must come after a report that seems to be whole, and after another one."""
_MOST_LINES: Final = 10_000
"""Of one report, which is kept in memory."""
_ADDRESS: Final = re.compile(r"==\d+==ERROR: AddressSanitizer: ")
"""The head of reports that go on behind their summary; nearly all of them end the process, and say so last."""
_ABORTING: Final = re.compile(r"==\d+==ABORTING")
_OF_UNDEFINED: Final = re.compile(r" +#\d+ .*|.+: note: .*|SUMMARY: .*|[ 0-9a-f]+|[ ^~]+|")
"""What stands below the head of a report of UndefinedBehaviorSanitizer: notes, bytes of memory, the stack."""
_MARK: Final = (b": runtime error: ", b"Sanitizer:")
"""One of them is among lines in which there is something for this module."""
_DECORATION: Final = re.compile(r"=*|\w+Sanitizer:DEADLYSIGNAL|ThreadSanitizer: reported \d+ warnings")


class SanitizerReports:
    """
    Makes reports of lines.

    Args:
        loop: the front's loop.
        locator: finds the frames' functions and lines.
        ends_process: tells whether a report has ended the process.
        on_report: called with each report that has not.
        on_others: called with lines that belong to no report.
        mixed: whether the lines are those of standard error.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        locator: Locator,
        ends_process: Callable[[], bool],
        on_report: Callable[[SanitizerReport], None],
        on_others: Callable[[bytes], None],
        *,
        mixed: bool,
    ) -> None:
        self._loop = loop
        self._locator = locator
        self._ends_process = ends_process
        self._on_report = on_report
        self._on_others = on_others
        self._mixed = mixed
        self._lines: list[str] = []  # of the last report
        self._timer: asyncio.TimerHandle | None = None
        self._reading = 0  # reports whose frames are not located yet
        self._fatal: SanitizerReport | None = None
        self._then: Callable[[SanitizerReport | None], None] | None = None

    def receive(self, lines: bytes) -> None:
        """
        Take whole *lines*.
        """
        if self._mixed and not self._lines and not any(mark in lines for mark in _MARK):
            self._on_others(lines)
            return
        others = b"".join(line for line in lines.splitlines(keepends=True) if not self._take(line))
        if others:
            self._on_others(others)
        if self._timer is not None:
            self._timer.cancel()
        if self._lines:
            delay = _WHOLE_SECONDS if self._is_whole() else _UNFINISHED_SECONDS
            self._timer = self._loop.call_later(delay, self._on_silence)

    def finish(self, then: Callable[[SanitizerReport | None], None], *, fatal: bool) -> None:
        """
        Call *then* once all reports are passed on: with the last one if it is *fatal*, and so was not.
        """
        self._then = then
        if self._timer is not None:
            self._timer.cancel()
        if fatal and self._lines and not LEAKS.match(self._lines[0]):
            self._read(self._keep_fatal)
        else:
            self._pass_on()
        self._check_finished()

    def _take(self, raw: bytes) -> bool:
        """
        Take the line *raw* if it belongs to a report.
        """
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if HEAD.fullmatch(line):
            self._pass_on()
            self._lines = [line]
            return True
        if not self._lines or (self._mixed and not self._goes_on_with(line)):
            return _DECORATION.fullmatch(line) is not None and (bool(line) or not self._mixed)
        if len(self._lines) < _MOST_LINES:
            self._lines.append(line)
        return True

    def _goes_on_with(self, line: str) -> bool:
        return not self._is_whole() and (UNDEFINED not in self._lines[0] or _OF_UNDEFINED.fullmatch(line) is not None)

    def _is_whole(self) -> bool:
        head, *others = self._lines
        if UNDEFINED in head:
            return others[-1:] == [""]
        if _ADDRESS.match(head):
            return others != [] and _ABORTING.fullmatch(others[-1]) is not None
        return any(line.startswith("SUMMARY: ") for line in others)

    def _on_silence(self) -> None:
        if not self._ends_process():
            self._pass_on()

    def _pass_on(self) -> None:
        if self._lines:
            self._read(self._on_report)

    def _read(self, then: Callable[[SanitizerReport], None]) -> None:
        text, self._lines = "\n".join(self._lines), []
        self._reading += 1
        self._locator.run(self._read_if_possible(text), partial(self._on_read, then))

    async def _read_if_possible(self, text: str) -> SanitizerReport:
        try:
            return await read_report(text, self._locator)
        except Exception:  # noqa: BLE001  a bug of ours costs the explanation, not the answer
            log.exception("internal error while reading the report of a sanitizer")
            return SanitizerReport(text.partition("\n")[0], (), (), text)

    def _on_read(self, then: Callable[[SanitizerReport], None], report: SanitizerReport) -> None:
        self._reading -= 1
        then(report)
        self._check_finished()

    def _keep_fatal(self, report: SanitizerReport) -> None:
        self._fatal = report

    def _check_finished(self) -> None:
        if self._then is not None and not self._reading:
            then, self._then = self._then, None
            then(self._fatal)
