"""
A table of the benchmark as data: what is started, what is measured of it, and which columns that gives.

A subject is started, and each measurement of it gives one line of the table, or several. A column computes its figure
from a line's sample and from that of the line which it is compared with, in the same round: a machine's speed drifts
while it is measured, and in a ratio of two rounds that drift would be seen.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple

Sample = Mapping[str, float]
"""What one measurement has found, by name."""


class Line(NamedTuple):
    """
    A line of a table in one round: the name of its subject and its own, what was measured, and the name of the line
    that it is compared with.
    """

    subject: str
    name: str
    sample: Sample
    against: str = ""


Measure = Callable[[], Sequence[Line]]


class Subject(NamedTuple):
    """
    Something that is measured: *opened* starts it, warms it up, and gives what measures it once. *settings* say how it
    is set up. One that is *optional* may fail.
    """

    name: str
    settings: str
    opened: Callable[[], AbstractContextManager[Measure]]
    optional: bool = False


class Column(NamedTuple):
    """
    A column: its name in JSON, its title, the digits after the point, and how it is computed from a line's sample and
    the other one's. None is the answer if one of them does not have what it takes. One that is *drawn* is in the
    picture, too, and in text with its spread.
    """

    key: str
    title: str
    digits: int
    compute: Callable[[Sample, Sample], float | None]
    drawn: bool = False


class Table(NamedTuple):
    """
    A table: its *name*, a *title* with the load, what is measured, and its columns. If it is *kept*, each subject is
    opened once, not in each round. *remark* says what its reader must know of what was measured, if there is something.
    """

    name: str
    title: str
    subjects: Sequence[Subject]
    columns: Sequence[Column]
    kept: bool = False
    remark: Callable[[Mapping[str, Sequence[Line]]], str] = lambda _: ""


class Figure(NamedTuple):
    """
    A figure in each round, as a median and its spread.
    """

    median: float
    low: float
    high: float
    rounds: Sequence[float]


@dataclass
class MeasuredTable:
    """
    What was measured of *table*.

    Attributes:
        lines: those of all rounds, by their names.
        missing: by the name of a subject, why it could not be measured.
    """

    table: Table
    lines: dict[str, list[Line]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def figure(self, name: str, column: Column) -> Figure | None:
        """
        Return the figure of the line *name* in *column*; None if it has none.
        """
        lines = self.lines[name]
        others = self.lines.get(lines[0].against, [])
        bases: list[Sample] = [line.sample for line in others] or [{}] * len(lines)
        found = [column.compute(line.sample, base) for line, base in zip(lines, bases, strict=True)]
        values = [value for value in found if value is not None]
        return Figure(statistics.median(values), min(values), max(values), values) if values else None


def figure(key: str, title: str, digits: int, *, drawn: bool = False) -> Column:
    """
    Make the column of what was measured as *key*.
    """
    return Column(key, title, digits, lambda mine, _: mine.get(key), drawn)


def ratio(key: str, title: str, name: str = "ratio") -> Column:
    """
    Make the column of what was measured as *key*, divided by what the line has that this one is compared with.
    """

    def compute(mine: Sample, base: Sample) -> float | None:
        return mine[key] / base[key] if key in mine and base.get(key) else None

    return Column(f"{key}_{name}", title, 2, compute)


def difference(key: str, title: str, digits: int) -> Column:
    """
    Make the column of how much more of *key* this line has than that which it is compared with.
    """

    def compute(mine: Sample, base: Sample) -> float | None:
        return mine[key] - base[key] if key in mine and key in base else None

    return Column(f"{key}_more", title, digits, compute)
