"""
The one loop that measures a table.

A machine's speed drifts while it is measured, so the rounds are interleaved: each measures every subject once, in a
process that is fresh. How fast a process is also depends on where its memory happens to lie, so the spread over the
rounds has that, too.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext

from measuring.table import MeasuredTable, Subject, Table
from servers.tools import BenchError, progress


def measure_table(table: Table, rounds: int) -> MeasuredTable:
    """
    Measure *table* so many times.

    Raises:
        BenchError: a subject that is not optional could not be measured.
    """
    result = MeasuredTable(table)
    with ExitStack() as stack:
        subjects = [_kept(subject, stack) for subject in table.subjects] if table.kept else table.subjects
        for number in range(rounds):
            for subject in subjects:
                if subject.name not in result.missing:
                    progress(f"{table.name}, round {number + 1} of {rounds}: {subject.name}")
                    _measure(subject, result)
    progress("")
    return result


def _kept(subject: Subject, stack: ExitStack) -> Subject:
    """
    Open *subject* until the end of *stack*.
    """
    progress(f"starting {subject.name}")
    measure = stack.enter_context(subject.opened())
    return subject._replace(opened=lambda: nullcontext(measure))


def _measure(subject: Subject, result: MeasuredTable) -> None:
    try:
        with subject.opened() as measure:
            lines = measure()
    except BenchError as error:
        if not subject.optional:
            raise
        # What its earlier rounds found goes, too: no line is to have fewer rounds than the others.
        for name in [name for name, found in result.lines.items() if found[0].subject == subject.name]:
            del result.lines[name]
        result.missing[subject.name] = str(error)
        return
    for line in lines:
        result.lines.setdefault(line.name, []).append(line)
