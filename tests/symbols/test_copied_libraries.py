"""
Frames without debug information name the user's own library, also where a copy of it in a workspace runs.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support import command
from support.build import ProcessorBuilder
from support.service import describe


@pytest.mark.parametrize(
    ("source", "isolation"),
    [("null_dereference", "process"), ("throws_exception", "process"), ("throws_exception", "none")],
)
def test_frames_name_the_original(builder: ProcessorBuilder, tmp_path: Path, source: str, isolation: str) -> None:
    """In the log, and in the report of a crash."""
    folder = tmp_path / "service"
    folder.mkdir()
    entry = Path(shutil.copy(builder.cpp(f"broken/{source}", "-g0"), folder / "libmine.so"))
    path = describe(folder, name="mine", processor_type="cpp", processor_path=".", processor_entry=entry.name)
    reports = tmp_path / "reports"
    options = ("--isolation", isolation, *(("--crash-dir", reports) if isolation == "process" else ()))
    ended = command.run("invoke", path, "-d", "x", *options)
    assert ended.code in (4, 22), ended.stderr
    written = [report.read_text(encoding="utf-8") for report in reports.glob("*/report.*")]
    assert len(written) == (2 if ended.code == 4 else 0)
    for text in (ended.stderr, *written):
        assert re.findall(r"process \((.*)\+0x", text) == [str(entry)], text
