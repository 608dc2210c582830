"""
What the first container of a description starts: a Python program and its arguments, or nothing that is run here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eas_host.description import Processor
from support.app import Apps, apps
from support.description_reader import ServiceJson
from support.service import Services, describe, services

__all__ = ["apps", "services"]

TELLS = """
class Tells(Contract):
    def process(self, data):
        return repr(sys.argv[1:]), 200
"""


@pytest.fixture
def service_json(tmp_path: Path) -> ServiceJson:
    return ServiceJson(tmp_path)


def started(
    service_json: ServiceJson, command: object, key: str = "script", **more: object
) -> tuple[Processor, tuple[str, ...]]:
    """The only processor of a description with a package and *command*; and the notes."""
    description = service_json.read({"processor_path": "p.zip", "containers": [{key: command}], **more})
    return description.models[0].processor, description.notes


@pytest.mark.parametrize(
    ("command", "file", "arguments"),
    [
        ("python app.py --func_name base", "app.py", ["--func_name", "base"]),
        ("python3 -u app.py 'two words' \"it's\" a\\ b ''", "app.py", ["two words", "it's", "a b", ""]),
        ("ENV/bin/python ./src/app.py -- --listen", "src/app.py", ["--", "--listen"]),
        ("exec /opt/conda/bin/python3.10 -uB app.py ';' '&&'", "app.py", [";", "&&"]),
        ("cd code && python app.py -x", "code/app.py", ["-x"]),
        ("cd /work; cd code\npython ../app.py", "work/app.py", []),
        ("#!/bin/bash\r\nset -ex\r\n\r\npython app.py \\\r\n  --a 1 # one\r\n", "app.py", ["--a", "1"]),
        ("bash -lc 'python app.py \"two words\"'", "app.py", ["two words"]),
        ("./app.py --a", "app.py", ["--a"]),
        (["python", "app.py", "two words", "$A", "a;b|c"], "app.py", ["two words", "$A", "a;b|c"]),
        (["/bin/sh", "-c", "cd code && exec python app.py -x"], "code/app.py", ["-x"]),
        (["python app.py -x"], "app.py", ["-x"]),
    ],
)
@pytest.mark.parametrize("key", ["script", "command"])
def test_command_of_a_container_gives_program_and_arguments(
    service_json: ServiceJson, key: str, command: object, file: str, arguments: list[str]
) -> None:
    """Words are a shell's, or those of a list; folders and what only leads to the program are no arguments."""
    processor, notes = started(service_json, command, key)
    assert (processor.path, processor.entry, [*processor.arguments]) == ("p.zip", file, arguments)
    assert (processor.entry_key, processor.arguments_key) == (f"containers[0].{key}",) * 2
    assert notes == ()


OTHERS: list[str | list[str]] = [
    "uvicorn app:app --port 8000",
    "gunicorn -w 4 app.py",
    "bash run.sh",
    "python -m app",
    "python -c 'import app.py' app.py",
    "python",
    "python app.py | tee log",
    "python app.py > log 2>&1",
    "python app.py &",
    "python app.py || python b.py",
    "pip install x && python app.py",
    "python a.py\npython b.py",
    "A=1 python app.py",
    "$PYTHON app.py",
    "python 'app.py",
    ["python", "-m", "app"],
    ["bash", "run.sh"],
]


@pytest.mark.parametrize("command", OTHERS, ids=str)
def test_command_that_is_not_a_python_program_is_ignored_or_refused(
    service_json: ServiceJson, command: str | list[str]
) -> None:
    """Such a command is a mistake only where nothing else names a processor."""
    processor, (note,) = started(service_json, command)
    assert processor == Processor("p.zip")
    form = "of a container, only `python FILE.py ARGUMENTS` is run here"
    assert note.startswith(f"containers[0].script is ignored: {form}")
    (line,) = service_json.refused({"containers": [{"script": command}]})
    assert line.startswith("service.json:1:28: containers[0].script: ")
    assert form in line
    assert line.endswith("expected one, or processor_path and processor_entry")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"processor_entry": "main.py"}, "it starts src/app.py, and processor_entry is main.py"),
        ({"processor_entry": "other/app.py"}, "it starts src/app.py, and processor_entry is other/app.py"),
        ({"processor_type": "cpp"}, "it starts src/app.py, and processor_type is cpp"),
        ({"processor_mainclass": "App"}, "it starts src/app.py, and processor_mainclass is App"),
    ],
)
def test_processor_keys_win_over_the_command_of_a_container(
    service_json: ServiceJson, more: dict[str, str], why: str
) -> None:
    """The arguments are then not for it."""
    processor, notes = started(service_json, "python src/app.py --a", **more)
    assert notes == (f"containers[0].script is ignored: {why}",)
    assert (processor.arguments, processor.entry) == ((), more.get("processor_entry", ""))


@pytest.mark.parametrize("entry", ["app.py", "./app.py", "app.py:Class", "src/app.py", "package/src/app.py"])
def test_arguments_are_kept_where_processor_entry_names_the_same_program(service_json: ServiceJson, entry: str) -> None:
    """Folders in front of the file are the container's, or the package's."""
    for command in ("cd /work && python src/app.py --a", "python src/app.py --a"):
        processor, notes = started(service_json, command, processor_entry=entry)
        assert (processor.entry, processor.entry_key, processor.arguments, notes) == (entry, "", ("--a",), ())


def test_python_options_and_shell_expansions_are_noted_as_ignored(service_json: ServiceJson) -> None:
    """Expansions within single quotes are none."""
    processor, notes = started(service_json, "python -u -W ignore -O app.py \"$PORT\" `id` '$A' \\$B")
    assert processor.arguments == ("$PORT", "`id`", "$A", "$B")
    assert notes == (
        "containers[0].script: -W ignore -O is ignored: Python is not started with options here",
        "containers[0].script: $PORT `id` is not expanded: no shell runs the command",
    )


def test_only_the_first_command_of_the_first_container_counts(service_json: ServiceJson) -> None:
    """Each of the others is noted in one line."""
    first = {"script": "python app.py 1", "command": "python app.py 2", "image": "x"}
    description = service_json.read({"containers": [first, {"command": "nginx"}, {"script": "python b.py"}]})
    assert description.models[0].processor.arguments == ("1",)
    assert [note.partition(":")[0] for note in description.notes] == [
        "containers[0].image is ignored",
        "containers[1].command, containers[2].script are ignored",
        "containers[0].command is ignored",
    ]


def test_program_is_that_of_models_without_an_entry_of_their_own(service_json: ServiceJson) -> None:
    """If there are none, that is said."""
    models: list[dict[str, Any]] = [{"name": "a"}, {"name": "b", "processor_entry": "b.py"}]
    containers = [{"script": "python app.py 1"}]
    description = service_json.read({"processor_path": "p.zip", "models": models, "containers": containers})
    assert [model.processor.arguments for model in description.models] == [("1",), ()]
    assert description.notes == ()
    (note,) = service_json.read({"processor_path": "p.zip", "models": models[1:], "containers": containers}).notes
    assert note == "containers[0].script is ignored: each of models[] has a processor of its own"


def test_d_option_replaces_the_command_by_text_or_list(service_json: ServiceJson) -> None:
    container = {"processor_path": "p.zip", "containers": [{"command": "python app.py 1"}]}
    for text in ("python app.py 'a b'", '["python", "app.py", "a b"]'):
        description = service_json.read(container, f"containers[0].command={text}")
        assert description.models[0].processor.arguments == ("a b",)
        assert description.models[0].processor.arguments_key == "containers[0].command"


def test_command_of_a_wrong_type_is_one_mistake(service_json: ServiceJson) -> None:
    """No second line says that a processor is missing."""
    (line,) = service_json.refused({"containers": [{"script": 5}]})
    assert line.endswith("containers[0].script: 5 is neither text nor a list of texts; expected one of them")
    processor, notes = started(service_json, " \n")
    assert (processor, notes) == (Processor("p.zip"), ())


def test_program_runs_with_the_arguments_of_the_command_or_those_behind_dashes(apps: Apps, services: Services) -> None:
    """Arguments behind `--` replace those of the command."""
    folder = apps.write("Tells().run()", TELLS).parent
    script = "cd /workspace && python -u src/app.py --func_name base 'two words'"
    file = describe(folder, name="tells", containers=[{"image": "registry/x", "script": script}])
    host = services.start(file)
    assert host.call(b"x").text == "['--func_name', 'base', 'two words']"
    host.wait_for_log(r"containers\[0\]\.image is ignored: containers are not run here")
    assert services.start(file, "--", "--func_name", "top").call(b"x").text == "['--func_name', 'top']"


def test_program_in_mounted_storage_runs_without_processor_path(apps: Apps, services: Services, tmp_path: Path) -> None:
    """EAS's image deployments mount their code in this way."""
    apps.write("Tells().run()", TELLS).rename(tmp_path / "main.py")
    (tmp_path / "code" / "src").mkdir(parents=True)
    (tmp_path / "main.py").rename(tmp_path / "code" / "src" / "main.py")
    mounted = tmp_path / "mounted"
    storage = [{"mount_path": str(mounted), "oss": {"path": "code"}}]
    command = ["python", f"{mounted}/src/main.py", "--a", "b"]
    file = describe(tmp_path, name="tells", storage=storage, containers=[{"command": command}])
    assert services.start(file).call(b"x").text == "['--a', 'b']"


def test_desc_shows_where_arguments_come_from(apps: Apps, services: Services) -> None:
    """The command also shows which program is no longer that of the container's command."""
    folder = apps.write("Tells().run()", TELLS).parent
    file = describe(folder, containers=[{"script": "python app.py 'two words'"}])
    (model,) = services.desc(file)["models"]
    place = f"{file}:1:28"
    assert model["arguments"] == {"value": "'two words'", "source": place}
    assert model["processor_entry"] == {"value": "app.py", "source": place}
    (model,) = services.desc(file, "--", "x")["models"]
    assert model["arguments"] == {"value": "x", "source": "--"}
    (folder / "other.py").write_text((folder / "app.py").read_text(encoding="utf-8"), encoding="utf-8")
    (model,) = services.desc(file, "--entry", str(folder / "other.py"))["models"]
    assert model["arguments"] == {"value": "", "source": "default"}
    assert "Arguments | 'two words' [" in services.run("desc", file).stdout


@pytest.mark.parametrize(
    ("script", "listed"),
    [
        ("python /ws/src/b.py", "containers[0].script is 'ws/src/b.py', but . has no such file; it has "),
        ("python ../app.py", "containers[0].script is '../app.py'; expected a file in the package"),
    ],
)
def test_missing_program_is_a_problem_in_desc(apps: Apps, services: Services, script: str, listed: str) -> None:
    folder = apps.write("Tells().run()", TELLS).parent
    file = describe(folder, processor_path=".", containers=[{"script": script}])
    (problem,) = services.desc(file, code=3)["problems"]
    assert problem.startswith(listed)
