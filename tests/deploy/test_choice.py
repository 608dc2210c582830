"""
Which Python a processor runs on: that of `--python`, else that of its ENV, else the host's own; in real services.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.env import make_env
from support.host import Host, StartHost
from support.other_python import another_python, text_of

APP = """
import sys
import allspark

class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return ("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.prefix)).encode(), 200
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    path = tmp_path / "app" / "app.py"
    path.write_text(APP, encoding="utf-8")
    return path


def answer(host: Host) -> list[str]:
    return host.call(b"").body.decode().split()


def test_python_of_a_version_runs_the_processor(start: StartHost, app: Path) -> None:
    _, facts = another_python()
    assert answer(start("python", app, python=text_of(facts)))[0] == text_of(facts)


def test_env_of_another_version_runs_the_processor(start: StartHost, app: Path) -> None:
    """Nothing is installed into it, and it needs no link."""
    path, facts = another_python()
    env = make_env(app.parent, interpreter=path)
    before = sorted(env.rglob("*"))
    host = start("python", app)
    assert answer(host) == [text_of(facts), str(env)]
    assert sorted(env.rglob("*")) == before


def test_python_option_wins_over_env(start: StartHost, app: Path, tmp_path: Path) -> None:
    make_env(app.parent)
    other = make_env(tmp_path / "other")
    assert answer(start("python", app, python=other))[1] == str(other)


def test_packages_of_an_env_of_the_same_version_are_there_in_the_hosts_own_process(start: StartHost, app: Path) -> None:
    """With a debugger the program has the packages that it has without."""
    make_env(app.parent, modules={"own.py": ""})
    app.write_text(f"import own\n{APP}", encoding="utf-8")
    assert answer(start("python", app, isolation="none"))[1] == sys.prefix


def test_env_of_another_version_is_refused_in_the_hosts_own_process(tmp_path: Path, app: Path) -> None:
    path, facts = another_python()
    env = make_env(app.parent, interpreter=path)
    host = Host(tmp_path / "host", entry=app, isolation="none")
    host.ends_with(2)
    (line,) = host.log.text().splitlines()
    for word in ("--isolation none", f"{env}/bin/python", f"Python {facts.version}", "drop --isolation none"):
        assert word in line


@pytest.mark.parametrize(
    ("language", "options", "words"),
    [
        ("cpp", {"python": "3.6"}, ["--python is for processors in Python", "drop it"]),
        ("python", {"python": "3.99"}, ["--python 3.99: no such Python", "those here"]),
    ],
)
def test_wrong_python_option_exits_with_2(
    tmp_path: Path, builder: ProcessorBuilder, language: str, options: dict[str, str], words: list[str]
) -> None:
    host = Host(tmp_path / "host", entry=builder.contract(language), processor_type=language, **options)
    host.ends_with(2)
    (line,) = host.log.text().splitlines()
    for word in words:
        assert word in line
