"""
Command lines as people type them: right, nearly right and wrong.

Docker, uvicorn, pytest, uv, functions-framework and EASCMD have taught them what to expect. Whatever they type, the
answer is short and helps: no traceback, no error of JSON for a Python file, no advice that is not near.
"""

from __future__ import annotations

import re
import shlex
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.build import ProcessorBuilder
from support.command import run
from support.fileserver import FileServer, running
from support.service import describe, tar

ECHO = """\
import allspark


class Echo(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return data, 200
"""
SOURCES = ("scorer.cpp", "plain.c", "Echo.java", "fast.pyx", "kernel.cu", "part.o", "made/made.cc")
LINES = Path(__file__).with_name("typed_lines.txt")


class Line(NamedTuple):
    """One row: what is typed, the exit code, and what must be found in the output, or in the one line of an error."""

    typed: str
    code: int
    said: str


def lines() -> Iterator[Line]:
    for row in LINES.read_text(encoding="utf-8").splitlines():
        if row and not row.startswith("#"):
            typed, code, said = re.split(r"\s*\|\s", row, maxsplit=2)
            yield Line(typed, int(code), said)


class Place(NamedTuple):
    """The folder in which the lines are typed, and a server that has its packages."""

    folder: Path
    url: str
    cache: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, builder: ProcessorBuilder) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("typed")
    library = builder.cpp("contract")
    programs = ("app.py", "only/app.py", "svc/app.py", "pysdk/app.py", "two/a.py", "two/b.py")
    texts = {
        **dict.fromkeys(programs, ECHO),
        **dict.fromkeys(SOURCES, "// source\n"),
        "done/done.cpp": "// source\n",
        "made/Makefile": "all:\n",
        "net.onnx": "\x08\x07",
        "notes.txt": "notes\n",
        "bad.env": "# comment\nNAME=value\nno value\n",
        "open.env": "NAME='open\n",
        "pysdk/app.json": '{"name": "in-pysdk", "processor_path": ".", "processor_entry": "./app.py"}',
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("jars", "empty", "done/build"):
        (folder / name).mkdir()
    for name in ("libecho.so", "libecho.so.1.2", "built-processor", "done/build/libdone.so"):
        shutil.copy(library, folder / name)
    for name in ("echo.jar", "jars/echo.jar"):
        shutil.copy(builder.jar("Contract"), folder / name)
    describe(folder / "svc", name="in-svc", processor_path="app.py")
    tar(folder / "packed.tar.gz", {"app/app.py": ECHO})
    tar(folder / "several.tar.gz", {"a.py": ECHO, "b.py": ECHO})
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("app/app.py", ECHO)
    with running() as server:
        publish(server, folder)
        yield Place(folder, server.url(""), tmp_path_factory.mktemp("cache"))


def publish(server: FileServer, folder: Path) -> None:
    """A package, and a description beside which its processor lies."""
    server.put("/packed.tar.gz", (folder / "packed.tar.gz").read_bytes())
    server.put("/far/service.json", b'{"name": "in-far", "processor_path": "../packed.tar.gz"}')


@pytest.mark.parametrize("line", [pytest.param(line, id=line.typed or "nothing") for line in lines()])
def test_line_is_answered_in_a_way_that_helps(place: Place, line: Line) -> None:
    words = shlex.split(line.typed.format(folder=place.folder, url=place.url))
    ended = run(*words, cwd=place.folder, variables={"EAS_HOST_CACHE": str(place.cache)})
    pattern = ".*".join(map(re.escape, line.said.split("...")))
    if line.code and ended.stderr:
        ended.fails_in_one_line(line.code)
        assert re.search(pattern, ended.complaint), ended.complaint
        return
    assert ended.code == line.code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert re.search(pattern, re.sub(" +", " ", ended.stdout)), ended.stdout
