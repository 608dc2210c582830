"""
How results are shown: a table that reads well in a terminal and in Markdown, and how far the benchmark is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


def print_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """
    Print *lines* under *head*; the first column is aligned to the left, numbers to the right.
    """
    table = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])))
    for first, *others in table:
        cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
        print(f"| {' | '.join(cells)} |")


def progress(text: str) -> None:
    """
    Show what happens now, in place of what was shown before; "" clears it.
    """
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
