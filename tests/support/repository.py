"""
What the repository holds, as git knows it.
"""

from __future__ import annotations

import subprocess

import pytest

from support.build import ROOT, need


def tracked() -> set[str]:
    """
    The files of the repository that are there, and those that a developer has added. Sources from elsewhere have no
    history, and end the test.
    """
    if not (ROOT / ".git").exists():
        pytest.skip("these sources have no history")
    command = (need("git"), "ls-files", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in names if (ROOT / name).exists()}
