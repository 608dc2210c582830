"""
The Pythons that `--python VERSION` finds, where package managers and people put them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eas_host.deploy.python import installed
from eas_host.errors import ConfigError
from support.env import make_env, script

OWN = sys.version_info[:2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with nothing in it, and no Python on PATH."""
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.mark.parametrize(
    "place",
    [
        "bin",
        ".pyenv/versions/3.77.1/bin",
        "miniconda3/bin",
        "miniconda3/envs/old/bin",
        ".local/share/uv/python/cpython-3.77.2-linux-x86_64-gnu/bin",
    ],
)
def test_python_is_found_in_the_folders_of_package_managers(home: Path, place: str) -> None:
    path = script(home / place / "python3.77", "")
    assert installed.releases()[(3, 77)] == [str(path)]


def test_newest_of_a_release_comes_first(home: Path) -> None:
    """By numbers, not by letters."""
    paths = [
        script(home / ".pyenv" / "versions" / version / "bin" / "python3.77", "") for version in ("3.77.9", "3.77.15")
    ]
    assert installed.releases()[(3, 77)] == [str(path) for path in reversed(paths)]


def test_hosts_own_python_is_the_first_of_its_release(home: Path) -> None:
    script(home / "bin" / f"python{OWN[0]}.{OWN[1]}", "")
    assert installed.releases()[OWN][0] == sys.executable


def test_shims_tools_and_too_old_pythons_are_not_listed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim of pyenv may stand for a Python that is not installed."""
    monkeypatch.setenv("PATH", f"{home}/.pyenv/shims:{home}/bin")
    script(home / ".pyenv" / "shims" / "python3.77", "")
    for name in ("python3.77-config", "python3.5", "python2.7", "python3"):
        script(home / "bin" / name, "")
    assert list(installed.releases()) == sorted({OWN, *installed.releases()})
    assert (3, 77) not in installed.releases()
    assert (3, 5) not in installed.releases()


@pytest.mark.parametrize("wanted", ["{}", "{}/bin/python"])
def test_environment_is_named_by_its_folder_or_its_python(tmp_path: Path, wanted: str) -> None:
    env = make_env(tmp_path)
    path, facts = installed.find(wanted.format(env))
    assert (path, facts.release) == (str(env / "bin" / "python"), OWN)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("3.99", ["--python 3.99: no such Python", f"those here: {OWN[0]}.{OWN[1]}", "Install it"]),
        ("three", ["--python three: expected a version such as"]),
        ("/gone/python", ["/gone/python cannot be started: No such file"]),
        ("/bin/sh", ["--python /bin/sh: /bin/sh does not run"]),
    ],
)
def test_python_that_is_not_there_is_reported_with_those_that_are(wanted: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        installed.find(wanted)
    for word in words:
        assert word in raised.value.message, raised.value.message


def test_other_patch_release_is_not_taken_for_the_one_wanted(home: Path) -> None:
    """The reason names what was found."""
    facts = '["CPython", "3.77.1", ".so", ""]'
    path = script(home / "bin" / "python3.77", f"echo '{facts}'")
    assert installed.find("3.77")[0] == str(path)
    assert installed.find("3.77.1")[0] == str(path)
    with pytest.raises(ConfigError, match=rf"--python 3\.77\.2: {path} is Python 3\.77\.1"):
        installed.find("3.77.2")
