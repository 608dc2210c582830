"""
Lines of source from class files: of real ones, and of damaged ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.archives.line_numbers import SourceLines, read_lines
from support.build import SOURCES, ProcessorBuilder

ENTRY = "(Ljava/lang/String;)Ljava/lang/String;"


def line_of(words: str) -> int:
    text = (SOURCES / "java" / "broken" / "Loads.java").read_text(encoding="utf-8")
    return text[: text.index(words)].count("\n") + 1


@pytest.mark.parametrize("packed", [True, False])
def test_line_is_found_in_a_jar_and_in_a_folder(builder: ProcessorBuilder, packed: bool) -> None:
    path = builder.jar("broken.Loads") if packed else builder.classes()
    lines = SourceLines(("/nowhere.jar", str(path)))
    assert lines.find("broken.Loads", "Process", ENTRY, 0) == f"Loads.java:{line_of('return input')}"
    assert lines.find("broken.Loads", "Process", ENTRY, 1) == f"Loads.java:{line_of('return input')}"
    assert lines.find("broken.Loads", "waitForever", "()V", 9) == f"Loads.java:{line_of('.await()')}"


def test_line_that_is_not_known_is_left_out(builder: ProcessorBuilder) -> None:
    lines = SourceLines((str(builder.jar("broken.Loads")),))
    assert lines.find("broken.Loads", "Process", ENTRY, None) == "Loads.java"
    assert lines.find("broken.Loads", "gone", "()V", 0) == "Loads.java"
    assert lines.find("broken.Gone", "gone", "()V", 0) == "Unknown Source"


def test_damaged_class_file_has_no_lines_or_others(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Cut off anywhere, or with any one byte changed, it is read without an error."""
    data = (builder.classes() / "broken" / "Loads.class").read_bytes()
    assert read_lines(data) is not None
    for end in range(len(data)):
        assert read_lines(data[:end]) is None
    for at in range(len(data)):
        read_lines(data[:at] + b"\xff" + data[at + 1 :])
    path = tmp_path / "text.jar"
    path.write_text("no jar")
    assert SourceLines((str(path),)).find("broken.Loads", "Process", ENTRY, 0) == "Unknown Source"
