"""
A processor in Python that tests of commands load: an echo, which answers `busy` with 503, and `late` never.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ECHO = """\
import allspark

class Echo(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        if data == b"late":
            print("waiting", flush=True)
            while True:
                pass
        return data, 503 if data == b"busy" else 200
"""


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    path = tmp_path / "echo.py"
    path.write_text(ECHO, encoding="utf-8")
    return path
