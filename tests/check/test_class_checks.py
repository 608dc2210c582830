"""
What the source of a program shows, on the Pythons that it may run on.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.check.processor import check_processor
from support.checks import program
from support.other_python import another_python


@pytest.mark.parametrize("own", [True, False], ids=["own-python", "another-python"])
def test_source_is_read_by_the_python_of_the_processor(tmp_path: Path, *, own: bool) -> None:
    interpreter = "" if own else another_python()[0]
    text = (
        "from allspark import BaseProcessor as Base\n"
        "class Mixin:\n    def initialize(self): self.one = f'{self.two}'\n"
        "class App(Mixin, Base):\n    two = 2\n    def process(self, data, *, extra): return self.three\n"
        "App(5, endpoint='x', wrong=1)\n"
    )
    found = check_processor(program(tmp_path, text).replace(interpreter=interpreter))
    first = "app.py:6: process needs the keyword extra, but is called with one argument, the request's body; "
    assert found.problems == (
        first + "declare it def process(self, data)",
        "app.py:6: self.three is defined nowhere; define it in initialize or in the class",
        "app.py:7: App() has no argument wrong; see allspark.BaseProcessor",
    )
