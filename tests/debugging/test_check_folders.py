"""
`eas-host check` on folders and service descriptions, on what is none, and how it shows what it finds.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from support import command
from support.build import ROOT, ProcessorBuilder
from support.checks import check, expect
from support.libraries import needs_beside
from support.service import describe, tar

APP = "import allspark\nclass App(allspark.BaseProcessor):\n    def initialize(self): pass\n"
PROCESS = "    def process(self, data): return data, 200\n"


def test_findings_are_a_table_with_a_verdict_a_line(builder: ProcessorBuilder) -> None:
    ended = command.run("check", builder.cpp("mangled"))
    assert ended.code == 1
    heading, *rows, last = ended.stdout.splitlines()
    assert re.fullmatch(r"verdict +file +finding", heading)
    assert any(re.fullmatch(r"ok +libmangled\.so +a shared library for \w+", row) for row in rows)
    assert any(
        re.fullmatch(r'error +libmangled\.so +process has a C\+\+ name; declare it extern "C"', row) for row in rows
    )
    assert last == f"{builder.cpp('mangled')}: 1 error"
    assert ended.stderr == ""


def test_file_that_is_missing_or_no_file_is_wrong_usage(tmp_path: Path) -> None:
    """A pipe is not read; it would block."""
    os.mkfifo(tmp_path / "libpipe.so")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "circle.so").symlink_to("circle.so")
    command.run("check", tmp_path / "absent.so").fails_in_one_line(2, "absent.so: No such file")
    command.run("check", tmp_path / "circle.so").fails_in_one_line(2, "Too many levels of symbolic links")
    command.run("check", tmp_path / "libpipe.so").fails_in_one_line(2, "neither a file nor a folder")
    command.run("check", tmp_path / "a.txt").fails_in_one_line(2, "--processor-type")
    command.run("check", tmp_path / "a.txt", "--josn").fails_in_one_line(2, "did you mean")
    command.run("check", cwd=tmp_path).fails_in_one_line(2, "there is no service.json or app.json in")


def test_all_processors_of_a_folder_are_checked(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Libraries and files that are none count only where nothing else is there."""
    folder = tmp_path / "package"
    for path in (builder.cpp("contract"), builder.cpp("beside"), needs_beside(builder)):
        (folder / path.stem).mkdir(parents=True)
        shutil.copy(path, folder / path.stem)
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "helper.py").write_text("import absent\n", encoding="utf-8")
    (folder / "base.py").write_text(APP, encoding="utf-8")
    (folder / "again").symlink_to(folder)
    os.mkfifo(folder / "libpipe.so")
    (folder / "closed").mkdir(mode=0)
    checked = check(folder)
    expect(checked, r"error app\.py:2: App has no method process", r"error libneeds_beside\.so: missing library")
    names = {Path(one["name"]).name for one in checked.found["processors"]}
    assert names == {"app.py", "libcontract.so", "libneeds_beside.so"}


def test_module_of_a_program_is_no_processor(tmp_path: Path) -> None:
    """It may define a base class, in which methods are missing."""
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "base.py").write_text(APP, encoding="utf-8")
    (tmp_path / "main.py").write_text(f"from common.base import App\n{APP}{PROCESS}", encoding="utf-8")
    checked = check(tmp_path)
    expect(checked)
    assert [Path(one["name"]).name for one in checked.found["processors"]] == ["main.py"]


def test_folder_without_a_processor_says_so(builder: ProcessorBuilder, tmp_path: Path) -> None:
    expect(check(tmp_path), r"error .*: there is no processor in it; expected a \.so, a \.jar, or a \.py")
    shutil.copy(builder.cpp("beside"), tmp_path)
    expect(check(tmp_path), r"error libbeside\.so: no processor: it exports neither")


def test_jars_of_a_folder_are_one_processor(builder: ProcessorBuilder, tmp_path: Path) -> None:
    shutil.copy(builder.jar("UsesLibrary"), tmp_path)
    shutil.copy(builder.jar("LibraryPart"), tmp_path)
    expect(check(tmp_path))


def test_examples_are_ok() -> None:
    expect(check(ROOT / "examples" / "echo"))


def test_description_is_checked_with_its_processors(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Findings name the files that were packed, not the copies."""
    (tmp_path / "app.py").write_text(APP + PROCESS.replace("data,", "self.date,"), encoding="utf-8")
    tar(tmp_path / "p.tar.gz", {"inner/libx.so": builder.cpp("mangled")})
    models = [{"name": "p", "processor_path": "app.py"}, {"name": "c", "processor_path": "p.tar.gz"}]
    models[1]["processor_entry"] = "libx.so"
    path = describe(tmp_path, name="many", models=models)
    checked = check(path, cache=tmp_path / "cache")
    expect(checked, r"error app\.py:4: self\.date is defined nowhere", r"error libx\.so: process has a C\+\+ name")
    assert [one["name"] for one in checked.found["processors"]] == ["p", "c"]
    assert list((tmp_path / "cache" / "workspaces").iterdir()) == []
    expect(check(tmp_path, cache=tmp_path / "cache"), "error app", "error libx")
    expect(check(cwd=tmp_path, cache=tmp_path / "cache"), "error app", "error libx")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('{"name": }', r"error service\.json:1: found"),
        ('{"name": "a", "processor_path": "absent.so"}', r"error service\.json: .*absent\.so"),
        (
            '{"name": "a", "processor_path": ".", "processor_entry": "libabsent.so"}',
            r"error service\.json: processor_entry",
        ),
        (
            '{"name": "a", "metadata": {"rpc.keepalive": "x"}, "processor_path": "."}',
            r"error service\.json:1: metadata\.rpc\.keepalive",
        ),
    ],
)
def test_what_is_wrong_with_a_description_is_a_finding(tmp_path: Path, text: str, finding: str) -> None:
    (tmp_path / "service.json").write_text(text, encoding="utf-8")
    expect(check(tmp_path / "service.json", cache=tmp_path / "cache"), finding)


def test_each_mistake_of_a_description_is_a_finding(tmp_path: Path) -> None:
    text = '{"name": "a",\n "processor_type": "cpp1",\n "metadata": {"rpc.worker_thread": 3}, "processor_path": "."}'
    (tmp_path / "service.json").write_text(text, encoding="utf-8")
    expect(
        check(tmp_path),
        r'error service\.json:2: processor_type: "cpp1" is unknown; expected cpp, java or python',
        r"error service\.json:3: metadata\.rpc\.worker_thread: there is no such key; did you mean",
    )


def test_desc_says_what_check_finds(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Undefined symbols and versions that are too new included; without a path of the cache."""
    shutil.copy(builder.cpp("undefined_symbol"), tmp_path / "libone.so")
    path = describe(tmp_path, name="a", processor_path="libone.so")
    ended = command.run("desc", path, variables={"EAS_HOST_CACHE": str(tmp_path / "cache")})
    assert ended.code == 3
    symbol = r"undefined symbol nobody_defines_this\(double\) \(\w+\); link the library that defines it"
    assert re.search(rf"\| +Problem \| libone\.so: {symbol}", ended.stdout)
    data = builder.cpp("contract").read_bytes().replace(b"\0GLIBC_2.2.5\0", b"\0GLIBC_2.9.5\0")
    (tmp_path / "libone.so").write_bytes(data)
    ended = command.run("desc", path, variables={"EAS_HOST_CACHE": str(tmp_path / "cache")})
    assert ended.code == 3
    assert re.search(r"\| +Problem \| libone\.so: it needs GLIBC_2\.9\.5 of libc\.so\.6, and", ended.stdout)
    assert "workspaces" not in ended.stdout
