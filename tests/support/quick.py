"""
`pytest --quick`: every test that starts no program, which `make check` runs in seconds.

Which tests these are stands nowhere, so no list can be wrong: each test begins, and what it does decides. The first
program that it asks for, itself or in a fixture, is not started: the test ends there and is counted as "left out".
Python announces each program before it starts it, whoever asks for it
(https://docs.python.org/3/library/audit_events.html).

What is small may be started: tools that only read a file, and a few lines for Python.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

_TOOLS: Final = frozenset({"ldconfig", "readelf", "tar"})
_REASON: Final = "starts a program"
_LEFT_OUT: Final = ("left out", True)


def leave_out() -> NoReturn:
    """Ends the running test."""
    pytest.skip(_REASON)


def command_of(event: str, arguments: tuple[Any, ...]) -> list[str] | None:
    """The program and its words, if the audit *event* says that one is to be started."""
    if event == "os.system":
        return ["sh", "-c", os.fsdecode(arguments[0])]
    if event in ("subprocess.Popen", "os.posix_spawn"):
        words = arguments[1]
        return [os.fsdecode(word) for word in ([words] if isinstance(words, (str, bytes)) else words)]
    return None


def is_small(command: Sequence[str]) -> bool:
    """
    Whether *command* is a tool, or a few lines for Python. These get no words: parts of the host, and other programs,
    are started with such lines, too, and named by words.
    """
    if command[0] == sys.executable:
        return len(command) == 3 and command[1] == "-c"
    return Path(command[0]).name in _TOOLS


class QuickTests:
    """The plugin behind the option."""

    def __init__(self) -> None:
        self._running: pytest.Item | None = None
        self._asked = mmap.mmap(-1, 1)
        """Whether the running test has asked for a program; shared with children that it forks."""
        sys.addaudithook(self._listen)

    def _listen(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by Python for all that it announces, on the thread on which it happens."""
        if self._running is None or (command := command_of(event, arguments)) is None or is_small(command):
            return
        self._asked[0] = 1
        leave_out()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._running = item
        self._asked[0] = 0
        try:
            return (yield)
        finally:
            self._running = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """What cleans up may start what it needs for that."""
        self._running = None
        yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """
        A test that asked for a program is left out, whatever became of it: it may have caught what should end it, or
        have been ended by what a fixture of many tests asked for.
        """
        report = yield
        if report.skipped and call.excinfo is not None and str(call.excinfo.value) == _REASON:
            self._asked[0] = 1
        if not self._asked[0] or (report.when == "setup" and report.passed):
            return report
        if report.when == "teardown":  # counted already; its fixtures may miss what it had no time to do
            report.outcome, report.longrepr = "passed", None
        else:
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, _REASON)
            report.user_properties.append(_LEFT_OUT)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        return ("left out", "", "LEFT OUT") if _LEFT_OUT in report.user_properties else None
