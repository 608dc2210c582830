"""
`eas-host desc` shows what would run, where each value comes from, and what is wrong.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eas_host.config import HostConfig
from eas_host.deploy.package import inspection
from eas_host.make_spec import make_spec
from eas_runtime.worker_spec import WorkerSpec
from support.build import ProcessorBuilder
from support.env import make_env
from support.libraries import library, needs_beside, processor
from support.other_python import another_python
from support.service import Services, describe, services, tar
from support.wheel import make_wheel

__all__ = ["services"]

VERSION = platform.python_version()


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
    assert described["problems"] == ["libx.so: missing library libbeside.so; put it beside the .so"]
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


# What files promise.


def spec(entry: Path, **more: Any) -> WorkerSpec:  # noqa: ANN401  options have types of their own
    return make_spec(HostConfig(entry=str(entry), **more))


def test_needed_library_is_found_where_a_worker_would_find_it(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A worker looks beside the entry and in lib/."""
    shutil.copy(needs_beside(builder), tmp_path / "libx.so")
    (tmp_path / "lib").mkdir()
    shutil.copy(builder.cpp("beside"), tmp_path / "lib")
    found = inspection.inspect(spec(tmp_path / "libx.so"))
    assert found.problems == ()
    assert found.facts["libraries"] == {"libbeside.so": str(tmp_path / "lib" / "libbeside.so")}
    assert found.facts["exports"] == ["initialize", "process"]


def test_library_that_starts_python_is_named(tmp_path: Path) -> None:
    """A processor with such a library gets another kind of worker."""
    starts = library(tmp_path / "libstarts.so", calls="Py_Initialize")
    assert (
        inspection.inspect(spec(processor(tmp_path / "libone.so", starts)))
        .facts["starts_python"]
        .startswith(f"{starts}: ")
    )
    assert "starts_python" not in inspection.inspect(spec(processor(tmp_path / "libtwo.so"))).facts


@pytest.mark.parametrize(
    ("name", "words"), [("no_process", "process"), ("mangled", 'extern "C"'), ("no_initialize", "initialize")]
)
def test_missing_processor_function_is_a_problem(builder: ProcessorBuilder, name: str, words: str) -> None:
    problems = inspection.inspect(spec(builder.cpp(name))).problems
    assert len(problems) == 1
    assert words in problems[0]


def test_main_class_and_java_version_are_checked_in_jars(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The class that is named must be in one of them; without a name the newest class tells the version."""
    jar = builder.jar("Contract")
    assert inspection.inspect(spec(jar)).facts["java"] == 11
    assert inspection.inspect(spec(jar, mainclass="Absent")).problems == ("class Absent is in none of contract.jar",)
    (tmp_path / "broken.jar").write_bytes(b"PK\x03\x04")
    assert "not a jar" in inspection.inspect(spec(tmp_path / "broken.jar")).problems[0]


# Programs in Python: what their own Python says.


def program(folder: Path, app: str, others: Mapping[str, str] | None = None) -> WorkerSpec:
    """The program app.py, and *others* beside it by their paths."""
    for name, text in {"app.py": app, **(others or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return spec(folder / "app.py")


def test_python_processor_classes_are_listed_without_running_the_file(tmp_path: Path) -> None:
    """A syntax error is told with its line, and with the Python that finds it."""
    text = (
        "import allspark\nfrom allspark import BaseProcessor as B, BaseProcessor\nraise SystemExit\n"
        "class One(allspark.BaseProcessor): ...\nclass Two(One): ...\nclass Other: ...\n"
        "class Three(BaseProcessor): ...\n"
    )
    found = inspection.inspect(program(tmp_path, text))
    assert found.facts["processors"] == ["One", "Two", "Three"]
    assert (found.facts["python"], found.facts["missing_modules"], found.problems) == (VERSION, [], ())
    found = inspection.inspect(program(tmp_path, "import one\n", {"one.py": "import json\ndef process(:\n"}))
    assert found.problems == (f"one.py:2: SyntaxError on Python {VERSION}: invalid syntax",)


def test_missing_modules_are_found_in_all_files_that_the_program_imports(tmp_path: Path) -> None:
    """Files that it does not import do not count, nor does an ENV beside it."""
    found = inspection.inspect(
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
    found = inspection.inspect(program(tmp_path, text))
    assert (found.facts["missing_modules"], found.problems) == (["absent_1", "absent_2"], ())
    found = inspection.inspect(program(tmp_path, "import sys\nsys.path.append('/x')\nimport absent_1\n"))
    assert (found.facts["missing_modules"], found.problems) == (["absent_1"], ()), "it may be in that folder"


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
    program(package, f"import {modules}\nclass App(allspark.BaseProcessor): ...\n")
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


def test_python_that_does_not_run_is_a_problem(tmp_path: Path) -> None:
    found = inspection.inspect(program(tmp_path, "").replace(interpreter="/gone/python"))
    assert found.problems == ("/gone/python cannot be started: No such file or directory",)
