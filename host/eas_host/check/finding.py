"""
What a check finds: a verdict about one file, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eas_host.errors import HostError

OK: Final = "ok"
WARNING: Final = "warning"
ERROR: Final = "error"
"""Verdicts: it fits; it may fail, or fail elsewhere; it cannot be loaded, or each call of it fails."""


@dataclass(frozen=True)
class Finding:
    """
    One thing that a check has found.

    Attributes:
        verdict: `OK`, `WARNING` or `ERROR`.
        subject: the file, as a user names it, perhaps with a line: `app.py:12`.
        what: what was found.
        advice: what to do; `""` if there is nothing to do.
    """

    verdict: str
    subject: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"

    @property
    def text(self) -> str:
        """
        What was found, and what to do.
        """
        return f"{self.what}; {self.advice}" if self.advice else self.what


@dataclass(frozen=True)
class Report:
    """
    What the check of one processor has found.

    Attributes:
        facts: values that JSON can represent, by name: what the files export, need and contain.
        findings: the verdicts.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """
        The errors, one line each.
        """
        return tuple(str(finding) for finding in self.findings if finding.verdict == ERROR)


def error_of(error: HostError | OSError, path: Path) -> Finding:
    """
    Make a finding of *error*, which the check of the file *path* has raised.
    """
    if isinstance(error, HostError):
        text = error.message.removeprefix(f"{path}: ")
    else:
        text = f"{error.strerror or error}; check the path"
    what, _, advice = text.partition("; ")
    return Finding(ERROR, path.name, what, advice)


def worst(findings: Iterable[Finding]) -> str:
    """
    Return the worst verdict among *findings*.
    """
    verdicts = {finding.verdict for finding in findings}
    return ERROR if ERROR in verdicts else WARNING if WARNING in verdicts else OK


def list_names(names: Iterable[str], shown: int = 5) -> str:
    """
    List the first of *names*, and how many more there are.
    """
    listed = list(names)
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more
