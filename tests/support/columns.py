"""
The columns of the contract table: each language in each isolation and kind of worker; and how a test names those in
which it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

LANGUAGES = ("cpp", "java", "python")


class Column(NamedTuple):
    """One column of the contract table."""

    language: str
    isolation: str
    worker: str = "auto"
    batching: str = "off"

    def __str__(self) -> str:
        batches = "" if self.batching == "off" else "-batches"
        return f"{self.language}-{self.isolation if self.worker == 'auto' else self.worker}{batches}"


COLUMNS = [
    *(Column(language, isolation) for isolation in ("process", "none") for language in LANGUAGES),
    Column("cpp", "process", "native"),
]

BATCHES = [
    Column(language, isolation, batching="adaptive") for isolation in ("process", "none") for language in LANGUAGES
]
"""Further columns of a table of cases: what one request gets does not depend on batching."""


each_worker = pytest.mark.parametrize(
    ("language", "kind"), [*((language, "auto") for language in LANGUAGES), ("cpp", "native")]
)
"""Runs a test with each kind of worker process: its language, and what --worker says."""


def columns(*wanted: str) -> pytest.MarkDecorator:
    """Runs a test in some columns only: names of columns, or of languages, or of isolations."""
    chosen = [column for column in COLUMNS if {str(column), *column} & set(wanted)]
    return pytest.mark.parametrize("host", chosen, indirect=True, ids=str, scope="module")


def table(cases: Sequence[Any]) -> pytest.MarkDecorator:
    """
    Runs a test for each case in each column, those with batches too, whose language is in the case's `languages`; a
    case has a `name`.
    """
    chosen = [
        pytest.param(column, case, id=f"{column}-{case.name}")
        for column in (*COLUMNS, *BATCHES)
        for case in cases
        if column.language in case.languages
    ]
    return pytest.mark.parametrize(("host", "case"), chosen, indirect=["host"], scope="module")
