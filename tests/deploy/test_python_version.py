"""
Which Python a processor runs on, if `--python`, the description's `python_version` and an ENV ask for one.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.deploy.python.choice import choose_python
from eas_host.deploy.python.interpreter import Interpreter
from eas_host.errors import ConfigError
from support.build import ProcessorBuilder
from support.env import make_env
from support.other_python import another_python, text_of
from support.service import Services, describe, services
from support.wheel import make_wheel

__all__ = ["services"]

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
TELLS_VERSION = """
import platform

import allspark


class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return platform.python_version().encode(), 200
"""


def chosen(folder: Path, version: str, **options: str) -> Interpreter:
    return choose_python(HostConfig(**options), folder, list, version)  # type: ignore[arg-type]


def test_hosts_own_version_is_the_hosts_own_python(tmp_path: Path) -> None:
    assert chosen(tmp_path, OWN) == Interpreter("", platform.python_version())


def test_installed_python_of_the_version_is_used(tmp_path: Path) -> None:
    path, facts = another_python()
    assert chosen(tmp_path, text_of(facts)) == Interpreter(path, facts.version)
    assert chosen(tmp_path, facts.version) == Interpreter(path, facts.version)


def test_version_that_is_not_here_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^python_version 3\.99: no such Python on PATH.*{OWN}.*with --python$"):
        chosen(tmp_path, "3.99")


def test_env_of_the_version_is_used(tmp_path: Path) -> None:
    env = make_env(tmp_path)
    for version in ("3", OWN, platform.python_version()):
        assert chosen(tmp_path, version) == Interpreter(str(env / "bin" / "python"), platform.python_version())


def test_env_of_another_version_is_refused(tmp_path: Path) -> None:
    """3.1 is not the beginning of 3.11. The option wins over both."""
    env = make_env(tmp_path)
    for version in ("3.1", "3.99"):
        text = f"python_version is {version}, but {env}/bin/python is Python {platform.python_version()}, and the"
        with pytest.raises(ConfigError, match=text):
            chosen(tmp_path, version)
    path, facts = another_python()
    assert chosen(tmp_path, OWN, python=path) == Interpreter(path, facts.version)


def test_packages_of_an_env_that_does_not_run_serve_the_version(tmp_path: Path) -> None:
    """Its packages are for one version, and the warning says which Python imports them."""
    path, facts = another_python()
    env = make_env(tmp_path, interpreter=path)
    (env / "pyvenv.cfg").write_text("home = /gone/bin\n")
    found = chosen(tmp_path, text_of(facts))
    assert (found.path, found.packages) == (path, (str(env / "lib" / f"python{text_of(facts)}" / "site-packages"),))
    assert f"the processor runs on Python {text_of(facts)}, {path}, with the packages in ENV" in found.problem
    found = chosen(tmp_path, OWN)
    assert (found.path, found.packages) == ("", ())
    assert f"the host's own Python {OWN}, without ENV's packages" in found.problem


# Descriptions.


def test_processor_runs_on_the_version_of_its_description(services: Services, tmp_path: Path) -> None:
    """`--python` wins over it."""
    path, facts = another_python()
    (tmp_path / "app.py").write_text(TELLS_VERSION)
    keys = {"name": "p", "processor_path": "app.py", "processor_type": "python"}
    description = describe(tmp_path, **keys, python_version=text_of(facts))
    assert services.start(description).call(b"").body.decode() == facts.version
    assert services.start(description, python=OWN).call(b"").body.decode() == platform.python_version()
    described = services.desc(description)["models"][0]
    assert described["resolved"]["interpreter"] == path
    assert described["python_version"]["value"] == text_of(facts)
    described = services.desc(description, "--python", OWN)["models"][0]
    assert described["resolved"]["interpreter"] == sys.executable
    assert described["python_version"] == {"value": OWN, "source": "--python"}


def test_requirements_are_installed_for_the_chosen_python(services: Services, tmp_path: Path) -> None:
    """Only a pip for that Python takes the wheel."""
    _, facts = another_python()
    tag = "cp" + "".join(map(str, facts.release))
    make_wheel(tmp_path / "package" / "wheels", "small", text=f"NAME = {tag!r}\n", tag=tag)
    make_wheel(tmp_path / "package" / "wheels", "listed", text=f"NAME = {tag!r}\n", tag=tag)
    (tmp_path / "package" / "requirements.txt").write_text("listed\n")
    text = TELLS_VERSION.replace("import allspark\n", "import allspark\nimport listed\nimport small\n")
    text = text.replace("platform.python_version().", "(small.NAME + listed.NAME + platform.python_version()).")
    (tmp_path / "package" / "app.py").write_text(text)
    keys = {"name": "p", "processor_path": "package", "processor_type": "python"}
    lines = ["--no-index", "--find-links ./wheels", "small"]
    description = describe(tmp_path, **keys, requirements=lines)
    variables = {"PIP_CONFIG_FILE": "/dev/null"}
    services.run("serve", description, variables=variables).fails_with(3, "pip ended with exit code 1")
    for option, more in (({}, {"python_version": text_of(facts)}), ({"python": text_of(facts)}, {})):
        description = describe(tmp_path, **keys, requirements=lines, **more)
        host = services.start(description, variables=variables, **option)
        assert host.call(b"").body.decode() == f"{tag}{tag}{facts.version}"
    assert "Installing requirements" not in host.log.text(), "the second one finds them installed"


def test_processor_of_another_language_has_no_python_version(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The same words whether the key is the model's or the service's."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    error = "python_version is for processors in Python, and liba.so is a cpp processor; drop it"
    description = describe(tmp_path, name="p", processor_path="liba.so", python_version="3.6")
    services.run("serve", description).fails_in_one_line(2, error)
    model = {"name": "m", "processor_path": "liba.so", "python_version": "3.6"}
    services.run("serve", describe(tmp_path, name="p", models=[model])).fails_in_one_line(2, f"models[0].{error}")
    shutil.copy(builder.python("contract.py"), tmp_path / "app.py")
    description = describe(tmp_path, name="p", processor_path="app.py", python_version="3.99")
    other = services.prepare(description, "--entry", str(tmp_path / "liba.so"))
    assert other.processors[0].spec.type == "cpp"
    other.discard()


def test_other_version_in_the_hosts_own_process_is_refused(services: Services, tmp_path: Path) -> None:
    path, facts = another_python()
    (tmp_path / "app.py").write_text(TELLS_VERSION)
    description = describe(tmp_path, name="p", processor_path="app.py", python_version=text_of(facts))
    ended = services.run("serve", description, "--isolation", "none")
    ended.fails_in_one_line(2, f"it needs {path}, which is Python {facts.version}; drop --isolation none")
