"""
All of a run as one object: what is written as JSON, and what text and picture are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from measuring.table import Figure, MeasuredTable

VERSION: Final = 1
"""Of the keys below: a reader of an old file can tell that it is one."""
_DIGITS: Final = 6
"""Significant ones of each figure."""

Document = dict[str, Any]


def to_document(machine: Document, arguments: Sequence[str], rounds: int, tables: Sequence[MeasuredTable]) -> Document:
    """
    Return a run with these command-line *arguments* as plain values.
    """
    return {
        "version": VERSION,
        "machine": machine,
        "arguments": list(arguments),
        "rounds": rounds,
        "tables": [_table(measured) for measured in tables],
    }


def _table(measured: MeasuredTable) -> Document:
    table = measured.table
    settings = {subject.name: subject.settings for subject in table.subjects}
    return {
        "name": table.name,
        "title": table.title,
        "columns": [
            {"key": one.key, "title": one.title, "digits": one.digits, "drawn": one.drawn} for one in table.columns
        ],
        "rows": [
            {
                "name": name,
                "subject": lines[0].subject,
                "settings": settings[lines[0].subject],
                "figures": {one.key: _figure(measured.figure(name, one)) for one in table.columns},
            }
            for name, lines in measured.lines.items()
        ],
        "missing": [
            {"name": name, "settings": settings[name], "reason": reason} for name, reason in measured.missing.items()
        ],
        "remark": table.remark(measured.lines),
    }


def _figure(figure: Figure | None) -> Document | None:
    if figure is None:
        return None
    return {
        "median": _rounded(figure.median),
        "low": _rounded(figure.low),
        "high": _rounded(figure.high),
        "rounds": [_rounded(value) for value in figure.rounds],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
