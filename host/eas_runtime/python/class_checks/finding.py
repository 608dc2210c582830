"""
A finding about a line of a program.
"""

import difflib
from typing import Iterable, NamedTuple

ERROR, WARNING = "error", "warning"


class ClassFinding(NamedTuple):
    """
    One thing that is wrong.

    Attributes:
        line: its line.
        verdict: `ERROR` or `WARNING`.
        what: what was found.
        advice: what to do.
    """

    line: int
    verdict: str
    what: str
    advice: str


def closest(name: str, known: "Iterable[str]") -> str:
    """
    Propose the one of *known* that is similar to *name*.
    """
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else "see docs/allspark.md"
