"""
Tables of text, and text that a terminal prints as it is.
"""

from __future__ import annotations

from collections.abc import Sequence


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """
    Lay out *rows* in columns below *heading*. The columns *right* are aligned to the right.
    """
    lines = [[printable(cell) for cell in line] for line in ([heading, *rows] if heading else rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    r"""
    Escape what a terminal could take for a command, and bytes that are not UTF-8, as `\n`, `\x1b` or `\udcff`: the name
    of a file can hold any byte.
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
