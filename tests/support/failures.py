"""
Broken processors, one a row of a table: what their author must learn from the answer and from the log.

`check_failure` serves a processor as its author would, with nothing switched on, sends it requests, and compares.
Hosts stop before their log is read, so nothing of it can come too late.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support import command
from support.build import SOURCES, ProcessorBuilder
from support.host import LISTENING, OUR_FRAMES, ROOT_HINT, Host, Value, flags

_STATE = re.compile(LISTENING + r"|\[INFO\] (Service start successfully|shutting down context)")
"""What a host prints, whatever its processor does."""


@dataclass(frozen=True)
class Failure:
    """
    One row.

    Attributes:
        id: names the case: "null-dereference".
        source: below tests/processors/LANGUAGE: `broken/null_dereference` for C++, `broken.NullDereference` for Java,
            `broken/wrong_arity.py` for Python.
        status: of the last answer; 0: it cannot be loaded, and the host ends with exit code 3.
        answer: what must be found in that answer, as regular expressions.
        log: what must be found in the log, each in a line of its own or a line shared with others.
        lines: how many lines of the log are about the failure, at most.
        bodies: the requests, one after the other.
        options: options of the host.
        flags: flags of the compiler, for C++.
        variables: of the environment.
        never: what must not be found in answer or log.
    """

    id: str
    source: str
    status: int
    answer: Sequence[str] = ()
    log: Sequence[str] = ()
    lines: int = 4
    bodies: Sequence[bytes] = (b"x",)
    options: Mapping[str, Value] = field(default_factory=dict)
    flags: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    never: Sequence[str] = ()

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True)
class Observed:
    """
    What was seen of one failure: the status and text of the last answer, and the lines of the log about it.
    """

    status: int
    answer: str
    log: list[str]


def check_failure(row: Failure, entry: Path, language: str, folder: Path) -> Observed:
    """
    Serves *entry*, asks as *row* says, and demands what it promises. Returns what was seen, for further questions.
    """
    seen = _serve(row, entry, language, folder) if row.status else _load(row, entry, language)
    text = "\n".join(seen.log)
    shown = f"{seen.status}\n{seen.answer}\nthe log:\n{text}"
    assert seen.status == row.status, shown
    for pattern in row.answer:
        assert re.search(pattern, seen.answer), f"{pattern!r} is not in the answer: {shown}"
    for pattern in row.log:
        assert re.search(pattern, text), f"{pattern!r} is not in the log: {shown}"
    for pattern in row.never:
        assert not re.search(pattern, seen.answer + text), f"{pattern!r} is there: {shown}"
    assert not OUR_FRAMES.search(seen.answer + text), f"frames of the host's own code: {shown}"
    assert len(seen.log) <= row.lines, f"{len(seen.log)} lines, allowed are {row.lines}: {shown}"
    return seen


def build(builder: ProcessorBuilder, row: Failure, language: str) -> Path:
    """Builds the processor of *row*."""
    if language == "cpp":
        return builder.cpp(row.source, *row.flags)
    return builder.jar(row.source) if language == "java" else SOURCES / "python" / row.source


def _load(row: Failure, entry: Path, language: str) -> Observed:
    ended = command.run(
        *("--entry", entry, "--processor-type", language, "--listen", "127.0.0.1:0"),
        *flags(row.options),
        variables=row.variables,
    )
    assert ended.code == 3, f"exit code {ended.code}\n{ended.stdout}{ended.stderr}"
    return Observed(0, "", _about_failure(ended.stderr.splitlines()))


def _serve(row: Failure, entry: Path, language: str, folder: Path) -> Observed:
    options = {"entry": entry, "processor_type": language, **row.options}
    host = Host(folder, row.variables, **options)
    host.allow_log("")
    with host:
        for body in row.bodies:
            answer = host.call(body)
    return Observed(answer.status, answer.body.decode(errors="replace"), _about_failure(host.log.since()))


def _about_failure(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip() and ROOT_HINT not in line and not _STATE.search(line)]
