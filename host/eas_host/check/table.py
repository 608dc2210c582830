"""
Findings as a table, a verdict a line, and as an object for JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eas_host.check.finding import ERROR, WARNING, Report, worst
from eas_host.log.table import printable, table


@dataclass(frozen=True)
class CheckedProcessor:
    """
    A processor, as its user names it, its type, and what the check has found.
    """

    name: str
    type: str
    report: Report


def format_table(checked: Sequence[CheckedProcessor]) -> Iterator[str]:
    """
    Yield the lines of the table, and a last one that counts the verdicts.
    """
    rows = [(finding.verdict, finding.subject, finding.text) for one in checked for finding in one.report.findings]
    if rows:
        yield table(("verdict", "file", "finding"), rows)
    counts = Counter(verdict for verdict, _, _ in rows)
    parts = [_count(counts[verdict], verdict) for verdict in (ERROR, WARNING) if counts[verdict]]
    names = ", ".join(dict.fromkeys(printable(one.name) for one in checked))
    yield f"{names}: {' and '.join(parts) or 'ok'}"


def to_json(checked: Sequence[CheckedProcessor]) -> dict[str, Any]:
    """
    Return what `--json` prints.
    """
    return {
        "verdict": worst(finding for one in checked for finding in one.report.findings),
        "processors": [
            {
                "name": one.name,
                "type": one.type,
                "facts": one.report.facts,
                "findings": [
                    {"verdict": found.verdict, "file": found.subject, "what": found.what, "advice": found.advice}
                    for found in one.report.findings
                ],
            }
            for one in checked
        ],
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}"
