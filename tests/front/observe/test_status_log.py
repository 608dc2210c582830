"""
A code that a processor returned and that is no HTTP status is in the log, with its count, and not for each request.
"""

from __future__ import annotations

import re

import pytest

from support.host import StartHost
from support.wire import command

LINE = r"\[WARN\w*\] .*the processor returned (.*), which is no registered HTTP status: answered 400; return 0 or 200"


@pytest.mark.parametrize("language", ["cpp", "python"])
def test_unrecognised_codes_are_counted(start: StartHost, language: str) -> None:
    """Each code at once; the same again once a minute, and when the host stops."""
    host = start(language)
    for code in (1000, -1, -1, 1000, 42, 200, 0, 404, 450):
        host.call(command("status", f"{code}:ok"))
    host.wait_for_log(LINE, times=3)
    assert re.findall(LINE, host.new_log()) == ["1000", "-1", "42"]
    host.stop()
    assert re.findall(LINE, host.new_log())[3:] == ["-1, 1000"]


def test_line_names_few_of_many_codes(start: StartHost) -> None:
    host = start("cpp")
    for code in range(1000, 1014):
        host.call(command("status", f"{code}:ok"))
    host.stop()
    assert re.findall(LINE, host.new_log()) == [
        *map(str, range(1000, 1005)),
        "1005, 1006, 1007, 1008, 1009, others (4 times)",
    ]
