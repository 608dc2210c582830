"""
The settings of developers' tools stand in more than one file; these tests keep them the same.
"""

from __future__ import annotations

import configparser
import re

import pytest

from support.build import ROOT


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_pre_commit_hooks_are_the_steps_of_lint() -> None:
    """The hooks run what CI runs, and nothing else."""
    [steps] = re.findall(r"^lint: (.*)\n\n", read("Makefile"), re.MULTILINE)  # and no commands of its own
    hooks = re.findall(r"^ +entry: make (.*)$", read(".pre-commit-config.yaml"), re.MULTILINE)
    assert steps.split() == hooks


@pytest.mark.parametrize(
    ("section", "pattern", "source"),
    [
        ("*.py", r"^line-length = (\d+)$", "pyproject.toml"),
        ("*.{cc,c,h}", r"^ColumnLimit: (\d+)$", ".clang-format"),
    ],
)
def test_editorconfig_has_the_formatters_line_width(section: str, pattern: str, source: str) -> None:
    editors = configparser.ConfigParser()
    editors.read_string("[top]\n" + read(".editorconfig"))
    [width] = re.findall(pattern, read(source), re.MULTILINE)
    assert editors[section]["max_line_length"] == width
