"""
Processors that leave their folder in one call, and in a later one do not find a file by its relative path: the log says
why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.failures import Failure, build, check_failure

CPP = Failure(
    id="cpp",
    source="broken/changed_directory",
    status=400,
    answer=["cannot open libchanged_directory.so"],
    log=[
        r"libchanged_directory\.so; the working directory is now /, changed by the processor since it was loaded in .*/"
    ],
    lines=3,
    bodies=[b"move", b"read"],
)
PYTHON = Failure(
    id="python",
    source="broken/calls.py",
    status=400,
    answer=["No such file"],
    log=["the program has changed the working directory from .*/broken to /: use absolute paths"],
    lines=12,
    bodies=[b"move", b"read"],
)


@pytest.mark.parametrize(("language", "row"), [("cpp", CPP), ("python", PYTHON)], ids=["cpp", "python"])
def test_changed_working_directory_is_told(
    builder: ProcessorBuilder, tmp_path: Path, language: str, row: Failure
) -> None:
    """Both folders are named."""
    check_failure(row, build(builder, row, language), language, tmp_path)


@pytest.mark.parametrize(("language", "row"), [("cpp", CPP), ("python", PYTHON)], ids=["cpp", "python"])
def test_first_call_finds_the_file(builder: ProcessorBuilder, tmp_path: Path, language: str, row: Failure) -> None:
    """Nothing is told then."""
    fine = Failure(row.id, row.source, 200, lines=0, bodies=[b"read"])
    check_failure(fine, build(builder, row, language), language, tmp_path)
