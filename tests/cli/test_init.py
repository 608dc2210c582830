"""
`eas-host init` makes a project that builds without a warning and answers.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from jsonschema import Draft202012Validator

from eas_host.deploy.python import installed
from eas_host.scaffold.project import TemplateValues
from support.build import need
from support.build import run as build
from support.command import run
from support.host import Host, StartHost, Value

STRICT = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror"  # javac's are in the Makefile
LANGUAGES = ("cpp", "java", "python")


class Project(NamedTuple):
    """What was made: its language, its folder, and how `eas-host` serves it without its service.json."""

    language: str
    folder: Path
    options: dict[str, Value]


@pytest.fixture(scope="module", params=LANGUAGES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A new project, built with all warnings as errors. Not to be changed."""
    language: str = request.param
    folder = tmp_path_factory.mktemp("init") / "Score-Card"
    made = run("init", "--type", language, folder)
    assert (made.code, made.stderr) == (0, "")
    if language != "python":
        need("g++" if language == "cpp" else "javac")
        build("env", f"CXXFLAGS={STRICT}", "make", "-C", folder)
    entry = {"cpp": "build/libscore_card.so", "java": "build/score_card.jar", "python": "app.py"}[language]
    return Project(language, folder, {"entry": folder / entry, "model_config": "0.5 2 3"})


FILES = {
    "cpp": {"processor.cc", "Makefile", "include/eas/processor.h"},
    "java": {"src/main/java/com/example/ScoreCardProcessor.java", "Makefile", "pom.xml"},
    "python": {"app.py", "requirements.txt"},
}


def test_project_has_all_files_without_placeholders(project: Project) -> None:
    """The files are source, build file, service.json, README, a request, and those of the editor."""
    made = {path for path in project.folder.rglob("*") if path.is_file() and "build" not in path.parts[-3:]}
    made = {path for path in made if not path.is_relative_to(project.folder / "build")}
    names = {str(path.relative_to(project.folder)) for path in made}
    written = ("launch.json", "tasks.json", "settings.json", "eas-service.schema.json")
    editor = {f".vscode/{name}" for name in written}
    assert names == {"service.json", "README.md", "request.txt"} | editor | FILES[project.language]
    assert [path for path in made if "@@" in path.read_text() + path.name] == []
    service = json.loads((project.folder / "service.json").read_text())
    assert (service["name"], service["processor_type"]) == ("score_card", project.language)
    named = json.loads((project.folder / service["$schema"]).read_text())
    assert [error.message for error in Draft202012Validator(named).iter_errors(service)] == []


@pytest.fixture(scope="module")
def served(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The project, as flags describe it: service.json is tested elsewhere, together with all else."""
    with Host(tmp_path_factory.mktemp("served"), **project.options) as host:
        host.allow_log("process threw java.lang.IllegalArgumentException")
        yield host


def test_python_project_runs_on_the_oldest_python_here(start: StartHost, tmp_path: Path) -> None:
    """As `--python` asks."""
    run("init", "--type", "python", tmp_path / "card")
    release = ".".join(map(str, next(iter(installed.releases()))))
    config = json.dumps({"model_config": {"bias": 0.5, "weights": [2, 3]}})
    host = start("python", tmp_path / "card" / "app.py", python=release, model_config=config)
    assert host.call(b"1 2").text == "8.5"


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"1 2", 200, b"8.5"),
        (b"1, 2\n", 200, b"8.5"),
        (b" -1\t1e1 ", 200, b"28.5"),
        (b"", 400, b"the request is empty; send numbers, such as: 1 2"),
        (b" \n", 400, b"the request is empty; send numbers, such as: 1 2"),
        (b"1 2 3", 400, b"expected 2 numbers, got 3"),
    ],
)
def test_project_answers_as_its_readme_says(served: Host, body: bytes, status: int, answer: bytes) -> None:
    response = served.call(body)
    assert (response.status, response.message.encode()) == (status, answer)


@pytest.mark.parametrize("body", [b"one two", b"1 2x", b"nan 1", b"1 inf", b"1 \x00", b"\xff 1"])
def test_project_answers_400_to_input_that_is_not_a_number(served: Host, body: bytes) -> None:
    """The body is a sentence, whatever bytes the request has."""
    response = served.call(body)
    assert response.status == 400
    assert response.body


def test_project_answers_400_to_a_get_without_a_body(served: Host) -> None:
    """A request without a body is empty input."""
    assert served.call(None, method="GET").status == 400


@pytest.mark.parametrize("project", ["cpp", "java"], indirect=True)
def test_project_refuses_a_wrong_model_config_at_start(project: Project) -> None:
    """The message shows it."""
    ended = run("--entry", str(project.options["entry"]), "--model-config", "0.5", "--listen", "127.0.0.1:0")
    assert ended.code == 3
    assert 'model_config must be a bias and at least one weight, such as 0.5 2 3; it is "0.5"' in ended.stderr


def test_python_project_refuses_a_wrong_model_config_at_start(tmp_path: Path) -> None:
    """The configuration stands in service.json."""
    run("init", "--type", "python", tmp_path)
    (tmp_path / "service.json").write_text('{"model_config": {"bias": 1, "weights": ["two"]}}')
    ended = run("--entry", tmp_path / "app.py", "--listen", "127.0.0.1:0")
    ended.fails_with(3, "app.py", "two")


# The command.


def test_init_prints_the_files_and_the_next_commands(tmp_path: Path) -> None:
    made = run("init", "--type", "cpp", "new folder", cwd=tmp_path)
    assert made.code == 0
    lines = [line.strip() for line in made.stdout.splitlines()]
    assert lines[0] == "[OK] new folder: a cpp processor, the service new_folder"
    assert "processor.cc" in lines
    assert lines[lines.index("next:") + 1 :][:3] == ["cd 'new folder'", "make", "eas-host serve service.json"]


def test_init_refuses_to_overwrite_a_file(tmp_path: Path) -> None:
    """The file is named, and nothing is written; other files in the folder do not matter."""
    (tmp_path / "app.py").write_text("mine")
    (tmp_path / "notes").write_text("mine")
    run("init", "--type", "python", tmp_path).fails_in_one_line(2, str(tmp_path), "app.py", "nothing is overwritten")
    assert {path.name for path in tmp_path.iterdir()} == {"app.py", "notes"}
    assert run("init", "--type", "cpp", tmp_path).code == 0
    assert (tmp_path / "app.py").read_text() == (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["--type", "DIR"]),
        (["--type", "cpp"], ["DIR"]),
        (["x"], ["--type"]),
        (["--type", "pyhton", "x"], ["--type", "pyhton", "cpp, java or python", "did you mean python?"]),
        (["--type", "rust", "x"], ["--type", "rust", "cpp, java or python"]),
        (["--typ", "cpp", "x"], ["--typ", "did you mean --type?"]),
        (["--type", "cpp", "x", "y"], ["y", "unexpected"]),
        (["--type", "cpp", "/proc/x"], ["/proc/x"]),
        (["--type", "cpp", "/dev/null"], ["/dev/null", "is no folder"]),
        (["--type", "cpp", "/dev/null/x"], ["/dev/null"]),
        (["--type", "cpp", "--", "--x", "y"], ["y", "unexpected"]),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_made(argv: list[str], words: list[str], tmp_path: Path) -> None:
    run("init", *argv, cwd=tmp_path).fails_in_one_line(2, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "name", "classname"),
    [
        ("scorecard", "scorecard", "ScorecardProcessor"),
        ("My-Service.v2", "my_service_v2", "MyServiceV2Processor"),
        ("9lives", "service_9lives", "Service9livesProcessor"),
        ("__x__", "x", "XProcessor"),
        ("服务", "service", "ServiceProcessor"),
        ("a" * 200, "a" * 50, "A" + "a" * 49 + "Processor"),
    ],
)
def test_service_and_class_are_named_after_the_folder(tmp_path: Path, folder: str, name: str, classname: str) -> None:
    """The names have only letters that EAS takes and a Java class may have."""
    assert TemplateValues.from_folder(tmp_path / folder) == TemplateValues(name, classname, folder)


def test_folder_that_is_a_circular_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    run("init", "--type", "cpp", tmp_path / "loop").fails_in_one_line(2, f"{tmp_path}/loop: File exists")


def test_folder_name_in_another_encoding_is_kept_in_files(tmp_path: Path) -> None:
    """A folder's name may be any bytes."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn"))
    assert run("init", "--type", "python", folder).code == 0
    assert b"gr\xfcn.tar.gz" in (folder / "README.md").read_bytes()


def test_current_folder_gives_the_service_its_name(tmp_path: Path) -> None:
    """The argument is `.`."""
    (tmp_path / "here").mkdir()
    run("init", "--type", "python", ".", cwd=tmp_path / "here")
    assert json.loads((tmp_path / "here" / "service.json").read_text())["name"] == "here"


def test_python_project_runs_without_a_description_and_without_requirements(start: StartHost, tmp_path: Path) -> None:
    """The program finds its model_config in the service.json beside itself."""
    run("init", "--type", "python", tmp_path)
    host = start("python", tmp_path / "app.py")
    assert host.call(b"1 2").body == b"8.5"
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == []


def test_project_has_the_public_header_that_compiles_as_c(tmp_path: Path) -> None:
    run("init", "--type", "cpp", tmp_path)
    source = "#include <eas/processor.h>\n"
    command = [need("gcc"), "-std=c11", "-Werror", "-fsyntax-only", f"-I{tmp_path / 'include'}", "-xc", "-"]
    subprocess.run(command, input=source, text=True, check=True)
