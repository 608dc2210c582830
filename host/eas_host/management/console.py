"""
The tables and lines of EASCMD (docs/eas-compatibility.md, section 9).
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TextIO

from eas_host.log.table import printable

_NUMBER: Final = frozenset("0123456789")


class Console:
    """
    Where a command tells what it does. *as_json*: standard output is for one object alone, so the lines go to standard
    error.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._output: TextIO = sys.stderr if as_json else sys.stdout

    def say(self, text: str) -> None:
        """
        Print a line, at once: a script may wait for it.
        """
        print(printable(text), file=self._output, flush=True)

    def ok(self, text: str) -> None:
        """
        Print a line of progress.
        """
        self.say(f"[OK] {text}")

    def warn(self, text: str) -> None:
        """
        Print what hinders the progress.
        """
        self.say(f"[WARNING] {text}")

    def lines(self, lines: Sequence[str]) -> None:
        """
        Print a table.
        """
        print("\n".join(lines), file=self._output, flush=True)

    def request_id(self) -> None:
        """
        Print the line that EASCMD's answers begin with. The number is made here: a cluster has none.
        """
        self.say(f"[RequestId]: {str(uuid.uuid4()).upper()}")


def list_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """
    Lay out *rows* below a centred *heading*; numbers are aligned to the right.
    """
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(heading, *shown, strict=True)]
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    lines = [rule, _line([_centred(name, width) for name, width in zip(heading, widths, strict=True)]), rule]
    for row in shown:
        cells = zip(row, widths, strict=True)
        lines.append(_line([cell.rjust(width) if _is_number(cell) else cell.ljust(width) for cell, width in cells]))
    return [*lines, rule] if shown else lines


def key_table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """
    Lay out keys, aligned to the right, and values, which may have several lines.
    """
    cells = [(key, [printable(line) for line in value.splitlines()] or [""]) for key, value in rows]
    left = max(len(key) for key, _ in cells)
    right = max(len(line) for _, lines in cells for line in lines)
    rule = f"+{'-' * (left + 2)}+{'-' * (right + 2)}+"
    body = [
        _line([(key if number == 0 else "").rjust(left), line.ljust(right)])
        for key, lines in cells
        for number, line in enumerate(lines)
    ]
    return [rule, *body, rule]


def local_time(text: str) -> str:
    """
    Write a time of Kubernetes, such as `2026-01-29T11:13:20Z`, in this machine's zone, as EASCMD does.
    """
    if not text:
        return ""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _centred(text: str, width: int) -> str:
    """
    As Go's tablewriter does it: what cannot be halved is more on the right.
    """
    return (" " * ((width - len(text)) // 2) + text).ljust(width)


def _is_number(cell: str) -> bool:
    return bool(cell) and _NUMBER.issuperset(cell)
