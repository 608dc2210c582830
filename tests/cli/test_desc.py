"""
`eas-host desc` shows what would run, where each value comes from, and what is wrong.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.checks import program
from support.env import make_env
from support.libraries import needs_beside
from support.other_python import another_python
from support.service import Services, describe, services, tar
from support.wheel import make_wheel

__all__ = ["services"]

APP = """\
class App(allspark.BaseProcessor):
    def initialize(self):
        pass
    def process(self, data):
        return data, 200
"""


def test_each_value_is_shown_with_its_source(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """
    A source is file, line and column; -D; a flag; a variable; or the default. Tokens are hidden, also those in the
    environment.
    """
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    path = describe(tmp_path)
    path.write_text(
        '{\n "name": "described",\n "token": "s3cret",\n "processor_path": "liba.so",\n'
        ' "metadata": {"rpc.keepalive": 7}\n}\n',
        encoding="utf-8",
    )
    ended = services.run(
        *("desc", path.name, "--json", "-D", "metadata.rpc.max_queue_size=8", "--worker-threads", "2"),
        variables={"EAS_HOST_MAX_BODY": "1MiB"},
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr
    described = json.loads(ended.stdout)
    options = described["options"]
    assert described["name"] == {"value": "described", "source": "service.json:2:10"}
    assert options["keepalive"] == {"value": 7, "source": "service.json:5:32"}
    assert options["max_queue_size"] == {"value": 8, "source": "-D metadata.rpc.max_queue_size"}
    assert options["worker_threads"] == {"value": 2, "source": "--worker-threads"}
    assert options["max_body"] == {"value": 2**20, "source": "EAS_HOST_MAX_BODY"}
    assert options["grace_period"] == {"value": 30.0, "source": "default"}
    assert options["token"] == {"value": "***", "source": "service.json:3:11"}
    assert described["models"][0]["processor_path"] == {"value": "liba.so", "source": "service.json:4:20"}
    assert described["problems"] == []


def test_output_is_a_table_in_the_form_of_eascmd(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The table has two columns, keys to the right, and every line has the same width."""
    tar(tmp_path / "p.tar.gz", {"liba.so": builder.cpp("contract")})
    keys = {"processor_path": "p.tar.gz", "processor_entry": "liba.so", "model_config": {"a": [1, 2]}}
    ended = services.run("desc", describe(tmp_path, name="t", **keys))
    assert ended.code == 0, ended.stderr
    lines = [line for line in ended.stdout.splitlines() if not line.startswith("[OK]")]
    assert len({len(line) for line in lines}) == 1
    assert re.fullmatch(r"\+-+\+-+\+", lines[0])
    assert any(re.fullmatch(r"\| +ServiceName \| t \[.*service\.json:1:\d+\] +\|", line) for line in lines)
    assert any(re.fullmatch(r"\| +Entry \| predictor/p/liba\.so +\|", line) for line in lines)
    assert any(re.fullmatch(r"\| +Exports \| initialize +\|", line) for line in lines)


def test_resolved_files_and_each_model_are_shown(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The workspace that they are resolved in is gone afterwards."""
    shutil.copy(builder.python("contract.py"), tmp_path / "app.py")
    tar(tmp_path / "java.tar.gz", {"main.jar": builder.jar("UsesLibrary"), "lib/part.jar": builder.jar("LibraryPart")})
    models = [
        {"name": "p", "processor_path": "app.py", "processor_type": "python", "model_path": "app.py"},
        {"name": "j", "processor_path": "java.tar.gz", "processor_type": "java", "processor_mainclass": "UsesLibrary"},
    ]
    python, java = services.desc(describe(tmp_path, name="many", models=models))["models"]
    assert (python["name"], java["name"]) == ("p", "j")
    assert python["resolved"]["entry"] == "p/predictor/app/app.py"
    assert python["resolved"]["model_entry"] == "p/model/app.py"
    assert python["abi"]["processors"] == ["Contract"]
    assert java["abi"] == {"jars": ["main.jar", "part.jar"], "mainclass": "UsesLibrary", "java": 11}
    assert java["resolved"]["folder"] == "j/predictor/java"


def test_values_of_a_shared_processor_point_to_its_definition(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    processors = [{"name": "other", "processor_path": "x"}, {"name": "p", "processor_path": "liba.so"}]
    path = describe(tmp_path)
    text = json.dumps({"name": "s", "models": [{"name": "m", "processor": "p"}], "processors": processors}, indent=1)
    path.write_text(text, encoding="utf-8")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "liba.so" in line)
    (model,) = services.desc(path)["models"]
    assert re.fullmatch(rf".*/service\.json:{line}:\d+", model["processor_path"]["source"])
    assert model["processor_entry"]["source"] == "default"


# What is wrong.


def test_description_that_cannot_be_served_is_shown_with_its_problems(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The problem stands at the end."""
    tar(tmp_path / "p.tar.gz", {"libx.so": needs_beside(builder)})
    described = services.desc(describe(tmp_path, name="p", processor_path="p.tar.gz"), code=3)
    assert described["models"][0]["abi"]["missing"] == ["libbeside.so"]
    assert described["problems"] == [
        "libx.so: missing library libbeside.so; put it beside the .so, or on LD_LIBRARY_PATH"
    ]
    description = describe(tmp_path, name="p", processor_path="p.tar.gz", processor_entry="libabsent.so")
    described = services.desc(description, code=3)
    assert described["models"][0]["processor_entry"]["value"] == "libabsent.so"
    assert described["models"][0]["resolved"] is None
    assert "it has libx.so" in described["problems"][0]
    ended = services.run("desc", description)
    assert ended.code == 3
    assert re.search(r"\| +Problem \| processor_entry is 'libabsent.so'", ended.stdout)


def test_syntax_error_is_shown_with_its_line(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    path.write_text('{"name": }', encoding="utf-8")
    services.run("desc", path).fails_with(2, "service.json:1")


# Programs in Python: what their own Python says.


def test_installed_modules_are_those_of_the_processors_own_python(services: Services, tmp_path: Path) -> None:
    """What ENV, a folder on PYTHONPATH and requirements have is not missing; what the host has is."""
    path, facts = another_python()
    package = tmp_path / "package"
    env = make_env(package, modules={"in_env.py": ""}, interpreter=path)
    (site,) = env.glob("lib/python3.*/site-packages")
    (site / "in_env-1.0.dist-info").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "on_path.py").write_text("")
    make_wheel(package / "wheels", "required")
    modules = "allspark, in_env, on_path, required, uvloop"
    program(package, f"import {modules}\n{APP}")
    description = describe(
        tmp_path,
        name="p",
        processor_path="package",
        processor_envs={"PYTHONPATH": str(tmp_path / "more")},
        requirements=["--no-index", "./wheels/required-1.0-py3-none-any.whl"],
    )
    described = services.desc(description, code=3)
    assert len(described["problems"]) == 1, described["problems"]
    assert described["models"][0]["abi"] == {
        "file": "app.py",
        "interpreter": str(env / "bin" / "python"),
        "python": facts.version,
        "installed": 2,
        "processors": ["App"],
        "missing_modules": ["uvloop"],
    }
    (problem,) = described["problems"]
    assert problem.startswith(f"app.py:1: Python {facts.version} has no module uvloop; ")
    ended = services.run("desc", description)
    for row in (f"InterpreterVersion | {re.escape(facts.version)}", "InstalledPackages | 2", "MissingModules | uvloop"):
        assert re.search(rf"\| +{row} +\|", ended.stdout), row


def test_syntax_that_the_processors_python_does_not_know_is_a_problem(services: Services, tmp_path: Path) -> None:
    path, facts = another_python()
    if facts.release >= (3, 10):
        pytest.skip("no Python here is too old for the match statement")
    program(tmp_path / "package", "import allspark\nmatch 1:\n    case _: pass\n")
    description = describe(tmp_path, name="p", processor_path="package")
    assert services.desc(description, "--python", path, code=3)["problems"] == [
        f"app.py:2: SyntaxError on Python {facts.version}: invalid syntax"
    ]
    assert services.desc(description)["problems"] == []
