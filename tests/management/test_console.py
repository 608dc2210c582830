"""
Tables and times in the form of EASCMD.
"""

from __future__ import annotations

import time

import pytest

from eas_host.management.console import key_table, list_table, local_time


def test_list_has_centred_headings_and_numbers_on_the_right() -> None:
    """As in EASCMD's own samples."""
    rows = [["echo", "2", "Running"], ["scorer_v2", "10", "Waiting"]]
    assert list_table(("SERVICENAME", "INSTANCE", "STATUS"), rows) == [
        "+-------------+----------+---------+",
        "| SERVICENAME | INSTANCE | STATUS  |",
        "+-------------+----------+---------+",
        "| echo        |        2 | Running |",
        "| scorer_v2   |       10 | Waiting |",
        "+-------------+----------+---------+",
    ]


def test_list_without_rows_has_its_heading() -> None:
    assert list_table(("A", "LONGER"), []) == ["+---+--------+", "| A | LONGER |", "+---+--------+"]


def test_table_of_keys_aligns_them_to_the_right_and_continues_values() -> None:
    assert key_table([("Status", "Running"), ("ServiceConfig", '{\n  "name": "echo"\n}'), ("Token", "")]) == [
        "+---------------+------------------+",
        "|        Status | Running          |",
        "| ServiceConfig | {                |",
        '|               |   "name": "echo" |',
        "|               | }                |",
        "|         Token |                  |",
        "+---------------+------------------+",
    ]


def test_what_a_terminal_would_take_for_a_command_is_escaped() -> None:
    """A cluster has texts of other people."""
    assert "\x1b" not in "".join(list_table(("A",), [["\x1b[2J"]]) + key_table([("A", "\x1b[2J")]))


def test_times_are_those_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert local_time("2026-01-29T07:04:21Z") == "2026-01-29 15:04:21"
        assert local_time("") == ""
    finally:
        monkeypatch.undo()
        time.tzset()
