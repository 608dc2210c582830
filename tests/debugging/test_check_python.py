"""
`eas-host check` names what is wrong with a program in Python, with its line, before it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.checks import check, expect

GOOD = """\
import allspark
class App(allspark.BaseProcessor):
    def initialize(self):
        self.weight = 2
    def process(self, data):
        return data, 200
"""


@dataclass(frozen=True)
class Program:
    """
    A program, and the finding that it must get, as a pattern.

    Attributes:
        id: names the case.
        text: the program's file.
        finding: its verdict, file, line and words; empty if it is right.
    """

    id: str
    text: str | bytes
    finding: str = ""

    def __str__(self) -> str:
        return self.id


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


PROGRAMS = [
    Program("syntax", GOOD + "def broken(:\n", r"error app\.py:7: SyntaxError on Python"),
    Program("indentation", GOOD + "  x = 1\n", r"error app\.py:7: IndentationError on Python"),
    Program(
        "encoding",
        b"# caf\xe9\n" + GOOD.encode(),
        r"error app\.py:1: SyntaxError.*not UTF-8 text \(byte 0xe9\); save it as UTF-8, or name its encoding",
    ),
    Program("declared-encoding", b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + GOOD.encode()),
    Program("null-byte", b"x = '\0'\n" + GOOD.encode(), r"error app\.py(:1)?: (ValueError|SyntaxError) on Python"),
    Program("module", "import absent_module\n" + GOOD, r"error app\.py:1: Python .* has no module absent_module; ins"),
    Program("name", "from os import absent\n" + GOOD, r"error app\.py:1: raised ImportError: cannot import"),
    Program("raises", GOOD + "1 / 0\n", r"error app\.py:7: raised ZeroDivisionError: division by zero"),
    Program("exit", "import sys\nsys.exit(3)\n" + GOOD, r"error app\.py:2: raised SystemExit: 3"),
    Program("os-exit", "import os\nos._exit(3)\n" + GOOD, r"error app\.py: it ended its process with exit code 3"),
    Program(
        "crash",
        "import ctypes\nctypes.string_at(0)\n" + GOOD,
        r"error app\.py:2: it crashed while it was imported \(SIGSEGV\)",
    ),
    Program("no-subclass", "import allspark\n", r"error app\.py: there is no subclass of allspark\.BaseProcessor"),
    Program(
        "two-subclasses",
        GOOD + GOOD.replace("App", "Other"),
        r"error app\.py:2: several subclasses of allspark\.BaseProcessor: App, Other; choose one with",
    ),
    Program(
        "base-class",
        changed("BaseProcessor", "BaseProcesor"),
        r"error app\.py:2: allspark has no BaseProcesor; did you mean BaseProcessor\?",
    ),
    Program("no-initialize", changed("initialize", "start_it"), r"error app\.py:2: App has no method initialize; add"),
    Program("no-process", changed("process(", "answer("), r"error app\.py:2: App has no method process; add def proc"),
    Program(
        "proccess",
        changed("process(", "proccess("),
        r"error app\.py:5: App has no method process; did you mean process for proccess\?",
    ),
    Program(
        "process-arity",
        changed("process(self, data)", "process(self, data, status)"),
        r"error app\.py:5: process takes \(self, data, status\), but is called with one arg",
    ),
    Program(
        "process-without-self",
        changed("process(self, data)", "process(data)"),
        r"error app\.py:5: process takes \(data\), but is called with one argument",
    ),
    Program(
        "initialize-arity",
        changed("initialize(self)", "initialize(self, model)"),
        r"error app\.py:3: initialize takes \(self, model\), but is called with no argument; declare it def init",
    ),
    Program(
        "constructor-arity",
        GOOD + "    def __init__(self, path):\n        super().__init__()\n",
        r"error app\.py:7: App\.__init__ takes \(self, path\), but a worker calls App\(\);",
    ),
    Program(
        "constructor-call",
        GOOD + "if __name__ == '__main__':\n    App(worker_thread=2).run()\n",
        r"error app\.py:8: App\(\) has no argument worker_thread; see allspark\.BaseProcessor",
    ),
    Program("generator", changed("self.weight = 2", "yield"), r"error app\.py:3: initialize is a generator"),
    Program(
        "attribute",
        changed("return data", "return self.pre_proccess(data)")
        + "    def pre_process(self, data):\n        return data\n",
        r"error app\.py:6: self\.pre_proccess is defined nowhere; did you mean self\.pre_process\?",
    ),
    Program("attribute-no-help", changed("return data", "return self.x"), r"error app\.py:6: self\.x .*; define it in"),
    Program(
        "batches-arity",
        GOOD + "    def batch_process(self, batch, size):\n        return []\n",
        r"warning app\.py:7: batch_process takes \(self, batch, size\), but is called with one argument, a list of "
        r"bodies; declare it def batch_process\(self, batch\)",
    ),
    Program(
        "batches-coroutine",
        GOOD + "    async def batch_process(self, batch):\n        return []\n",
        r"warning app\.py:7: batch_process is a coroutine function",
    ),
    Program(
        "batches-nothing",
        GOOD + "    def batch_process(self, batch):\n        [self.process(data) for data in batch]\n",
        r"warning app\.py:7: batch_process returns nothing; return a list of \(data, status\), one for each body",
    ),
    *(
        Program(
            f"batches-{name}",
            GOOD + f"    def {name}(self, batch):\n        return [(data, 200) for data in batch]\n",
            rf"warning app\.py:7: a worker does not call {name}; did you mean batch_process, which gets several",
        )
        for name in ("batch_proces", "process_batch", "processBatch", "batchProcess", "batch_processes")
    ),
    Program("returns-nothing", changed("return data, 200", "print(data)"), r"error app\.py:5: process returns nothing"),
    Program(
        "returns-bytes", changed("data, 200", "b'ok'"), r"warning app\.py:6: process returns only bytes; return \("
    ),
    Program(
        "returns-swapped", changed("data, 200", "200, data"), r"warning app\.py:6: process returns the status firs"
    ),
    Program("returns-three", changed("data, 200", "data, 200, 1"), r"warning app\.py:6: process returns 3 values;"),
    Program(
        "exits-in-initialize",
        "import sys\n" + changed("self.weight = 2", "sys.exit(1)"),
        r"warning app\.py:5: initialize calls sys\.exit, which says nothing of the cause; raise an exception",
    ),
    Program(
        "optional-module",
        "def late():\n    import absent_module\n" + GOOD,
        r"warning app\.py:2: Python .* has no module absent_module",
    ),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_what_is_wrong_is_named_with_its_line(program: Program, tmp_path: Path) -> None:
    """Nothing else is found."""
    text = program.text.encode() if isinstance(program.text, str) else program.text
    (tmp_path / "app.py").write_bytes(text)
    expect(check(tmp_path / "app.py"), *filter(None, [program.finding]))


GOOD_PROGRAMS = {
    "plain": GOOD,
    "runs-itself": GOOD + "App(worker_threads=2).run()\nraise SystemExit('never reached')\n",
    "reads-requests": "import allspark\nqueued = allspark.Context(4).queued_service('0.0.0.0:8080')\nqueued.read()\n",
    "inherits": GOOD.replace("App", "Base") + "class App(Base):\n    def process(self, data, *more):\n"
    "        return [str(self.weight), 0]\n",
    "attributes-of-many-kinds": GOOD
    + "    size: int\n    limit = 3\n    def more(self):\n        if hasattr(self, 'late'):\n            self.late()\n"
    "        try:\n            self.guarded\n        except AttributeError:\n            pass\n"
    "        with open('x') as self.file:\n            pass\n        for self.one in range(self.limit):\n"
    "            return self.file, self.one, self.size, self.context, self.set_outside, self.get_model_path()\n"
    "def change(app):\n    app.set_outside = 1\n",
    "attributes-by-name": GOOD
    + "    def more(self, **all):\n        self.__dict__.update(all)\n        return self.any\n",
    "unknown-base": "import allspark, argparse\nclass App(argparse.Namespace, allspark.BaseProcessor):\n"
    "    def initialize(self):\n        self.x = self.anything\n",
    "raises-in-process": GOOD.replace("return data, 200", "raise NotImplementedError"),
    "batches": GOOD + "    def batch_process(self, batch):\n        return list(map(self.process, batch))\n",
    "batches-of-its-own": GOOD + "    def _batch_process(self, batch):\n        return batch\n"
    "    def preprocess_batch(self, batch):\n        return self._batch_process(batch)\n"
    "    def process_batch(self, batch, size):\n        return batch[size]\n",
    "static-method": GOOD.replace("    def process(self, data)", "    @staticmethod\n    def process(data)"),
}


@pytest.mark.parametrize("name", GOOD_PROGRAMS)
def test_program_that_works_is_ok(name: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GOOD_PROGRAMS[name], encoding="utf-8")
    expect(check(tmp_path / "app.py"))


def test_processors_of_the_tests_are_ok(builder: ProcessorBuilder) -> None:
    for name in ("contract.py", "neighbours/app.py", "injects.py", "children.py"):
        expect(check(builder.python(name)))


def test_class_is_named_behind_a_colon(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(GOOD + GOOD.replace("App", "Other"), encoding="utf-8")
    expect(check(f"{tmp_path}/app.py:Other"))
    expect(check(f"{tmp_path}/app.py:Absent"), r"error app\.py: there is no class Absent")


def test_program_is_not_run_if_that_is_not_wanted(tmp_path: Path) -> None:
    """Nothing of it runs in the process of the command in any case."""
    (tmp_path / "app.py").write_text(GOOD + "open('ran', 'w').close()\n", encoding="utf-8")
    expect(check(tmp_path / "app.py", "--no-run"))
    assert not (tmp_path / "ran").exists()
    expect(check(tmp_path / "app.py"))
    assert (tmp_path / "ran").exists()


def test_output_of_the_program_does_not_mix_with_the_findings(tmp_path: Path) -> None:
    """However much it prints, and whatever it leaves running."""
    text = "import os, subprocess\nprint('x' * 1_000_000)\nos.write(1, b'{')\nsubprocess.Popen(['sleep', '600'])\n"
    (tmp_path / "app.py").write_text(text + GOOD, encoding="utf-8")
    expect(check(tmp_path / "app.py"))
