"""
What the check of one processor finds, called as `eas-host desc` calls it.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest

from eas_host.check.processor import check_processor
from eas_host.check.python import trial_run
from support.build import ProcessorBuilder
from support.checks import program, spec
from support.libraries import library, needs_beside, processor

VERSION = platform.python_version()


def test_needed_library_is_found_where_a_worker_would_find_it(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A worker looks beside the entry and in lib/."""
    shutil.copy(needs_beside(builder), tmp_path / "libx.so")
    (tmp_path / "lib").mkdir()
    shutil.copy(builder.cpp("beside"), tmp_path / "lib")
    found = check_processor(spec(tmp_path / "libx.so"))
    assert found.problems == ()
    assert found.facts["libraries"] == {"libbeside.so": str(tmp_path / "lib" / "libbeside.so")}
    assert found.facts["exports"] == ["initialize", "process"]


def test_library_that_starts_python_is_named(tmp_path: Path) -> None:
    """A processor with such a library gets another kind of worker."""
    starts = library(tmp_path / "libstarts.so", calls="Py_Initialize")
    assert (
        check_processor(spec(processor(tmp_path / "libone.so", starts)))
        .facts["starts_python"]
        .startswith(f"{starts}: ")
    )
    assert "starts_python" not in check_processor(spec(processor(tmp_path / "libtwo.so"))).facts


@pytest.mark.parametrize(
    ("name", "words"), [("no_process", "process"), ("mangled", 'extern "C"'), ("no_initialize", "initialize")]
)
def test_missing_processor_function_is_a_problem(builder: ProcessorBuilder, name: str, words: str) -> None:
    problems = check_processor(spec(builder.cpp(name))).problems
    assert len(problems) == 1
    assert words in problems[0]


def test_main_class_and_java_version_are_checked_in_jars(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The class that is named must be in one of them; without a name the newest class tells the version."""
    jar = builder.jar("Contract")
    assert check_processor(spec(jar)).facts["java"] == 11
    assert check_processor(spec(jar, mainclass="Absent")).problems == (
        "contract.jar: there is no class Absent; check --mainclass",
    )
    (tmp_path / "broken.jar").write_bytes(b"PK\x03\x04")
    assert "not a jar" in check_processor(spec(tmp_path / "broken.jar")).problems[0]


def test_python_processor_classes_are_listed_without_running_the_file(tmp_path: Path) -> None:
    """A syntax error is told with its line, and with the Python that finds it."""
    text = (
        "import allspark\nfrom allspark import BaseProcessor as B, BaseProcessor\nraise SystemExit\n"
        "class One(allspark.BaseProcessor): ...\nclass Two(One): ...\nclass Other: ...\n"
        "class Three(BaseProcessor): ...\n"
    )
    found = check_processor(program(tmp_path, text))
    assert found.facts["processors"] == ["One", "Two", "Three"]
    assert (found.facts["python"], found.facts["missing_modules"]) == (VERSION, [])
    (problem,) = found.problems
    assert problem.startswith("app.py:5: several subclasses of allspark.BaseProcessor: Three, Two; ")
    found = check_processor(program(tmp_path, "import one\n", {"one.py": "import json\ndef process(:\n"}))
    assert found.problems == (f"one.py:2: SyntaxError on Python {VERSION}: invalid syntax",)


def test_missing_modules_are_found_in_all_files_that_the_program_imports(tmp_path: Path) -> None:
    """Files that it does not import do not count, nor does an ENV beside it."""
    found = check_processor(
        program(
            tmp_path,
            "import absent_1, json, one, pack.sub as sub\nfrom pack import other\nfrom namespace.inner import x\n",
            {
                "one.py": "from absent_2.part import x\nimport email.nowhere\n",
                "unused.py": "import absent_9\n",
                "pack/__init__.py": "from . import beside\n",
                "pack/sub.py": "from .deep.end import x\n",
                "pack/other.py": "import absent_3\n",
                "pack/beside.py": "from .. import one\nimport absent_4\n",
                "pack/deep/end.py": "import absent_5\n",
                "namespace/inner.py": "import absent_6\n",
                "ENV/lib/absent_1.py": "",
            },
        )
    )
    assert found.facts["missing_modules"] == [f"absent_{number}" for number in range(1, 7)]
    assert found.problems[0] == (
        f"app.py:1: Python {VERSION} has no module absent_1; install it for that Python, or name its package in"
        " requirements"
    )
    assert [problem.partition(": ")[0] for problem in found.problems[1:]] == [
        "one.py:1",
        "pack/other.py:1",
        "pack/beside.py:2",
        "pack/deep/end.py:1",
        "namespace/inner.py:1",
    ]


def test_module_that_may_not_be_needed_is_no_problem(tmp_path: Path) -> None:
    """One that a function imports is listed; one that the program can do without is not."""
    text = (
        "import contextlib, sys\nfrom typing import TYPE_CHECKING\n"
        "try:\n    import optional_1\nexcept ImportError:\n    import optional_2\n"
        "if TYPE_CHECKING:\n    import optional_3\n"
        "if sys.version_info < (3, 0):\n    import optional_4\n"
        "with contextlib.suppress(ImportError):\n    import optional_5\n"
        "def late():\n    import absent_1\n"
        "if __name__ == 'x':\n    import absent_2\n"
    )
    found = check_processor(program(tmp_path, text))
    assert (found.facts["missing_modules"], found.problems) == (["absent_1", "absent_2"], ())
    found = check_processor(program(tmp_path, "import sys\nsys.path.append('/x')\nimport absent_1\n"))
    assert (found.facts["missing_modules"], found.problems) == (["absent_1"], ()), "it may be in that folder"


def test_python_that_does_not_run_is_a_problem(tmp_path: Path) -> None:
    found = check_processor(program(tmp_path, "").replace(interpreter="/gone/python"))
    assert found.problems == ("app.py: /gone/python cannot be started: No such file or directory",)


def test_program_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it prints all the time; nothing of it is left."""
    monkeypatch.setattr(trial_run, "SECONDS", 5.0)
    text = "import allspark, os\nopen('pid', 'w').write(str(os.getpid()))\nwhile True: print('x' * 1000)\n"
    text += "class App(allspark.BaseProcessor):\n    def initialize(self): pass\n"
    text += "    def process(self, data): return data, 200\n"
    report = check_processor(program(tmp_path, text), trial=True)
    assert [finding.what for finding in report.findings if finding.verdict == "warning"] == [
        "it neither opened its service nor ended within 5 s"
    ]
    assert not Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8")).exists()
