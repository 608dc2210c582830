"""
What an ENV that is linked to this host imports of it, what it does not, and the message where it cannot.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.python_env import link, python_command
from eas_runtime.linking import import_hook
from support.build import ROOT
from support.env import SITE, make_env, python
from support.host import StartHost
from support.program import Program

APP = """
import sys
import allspark
import own

class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return f"{sys.prefix} {own.VALUE} {allspark.__file__}".encode(), 200

if __name__ == "__main__":
    App(worker_threads=2, worker_processes=PROCESSES).run()
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ENV that is linked, and has a module of its own. Not to be changed."""
    return make_env(tmp_path_factory.mktemp("linked"), linked=True, modules={"own.py": "VALUE = 42\n"})


def relinked(parent: Path, **changes: object) -> Path:
    """An ENV whose link says something else than it would."""
    env = make_env(parent, linked=True)
    settings = {**link.settings(), **changes}
    (env / SITE / link.PTH).write_text(f"import {link.MODULE}; {link.MODULE}.install(**{settings!r})\n")
    return env


@pytest.mark.parametrize("processes", [1, 2])
def test_program_serves_with_the_python_of_env(env: Path, tmp_path: Path, processes: int) -> None:
    """ENV/bin/python app.py is all it takes: with threads, and with processes."""
    app = tmp_path / "app.py"
    app.write_text(APP.replace("PROCESSES", str(processes)))
    with Program(tmp_path / "run", app, interpreter=env / "bin" / "python") as program:
        prefix, value, ours = program.call(b"x").body.decode().split()
        assert (prefix, value) == (str(env), "42")
        assert Path(ours).parent == ROOT / "host" / "allspark"


def test_spawned_process_imports_allspark_too(env: Path, tmp_path: Path) -> None:
    """A program may start others afresh, as multiprocessing's spawn does."""
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing\n"
        "def name(_):\n"
        "    import allspark\n"
        "    return allspark.__name__\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(name, [0]))\n"
    )
    assert subprocess.check_output([env / "bin" / "python", program], text=True).strip() == "['allspark']"


@pytest.mark.parametrize("name", ["numpy", "pytest", "jpype", "requests", "aiohttp", "pydantic", "rich", "pip"])
def test_other_packages_of_the_host_cannot_be_imported(env: Path, name: str) -> None:
    """A package must be installed into ENV to be in the archive."""
    done = python(env, f"import {name}")
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named {name!r}"


def test_pip_of_env_sees_no_package_of_the_host(env: Path) -> None:
    """So pip installs what it is asked for."""
    code = "from importlib import metadata; print([item.name for item in metadata.distributions()])"
    assert python(env, code).stdout == "[]\n"


def test_allspark_installed_in_env_wins_over_the_hosts(tmp_path: Path) -> None:
    """It is another one, such as EAS's."""
    env = make_env(tmp_path, linked=True, modules={"allspark.py": ""})
    code = "import allspark, eas_runtime; print(allspark.__file__, eas_runtime.__file__)"
    ours = ROOT / "host" / "eas_runtime" / "__init__.py"
    assert python(env, code).stdout.split() == [str(env / SITE / "allspark.py"), str(ours)]


def test_missing_host_is_reported_with_the_command_to_link_again(tmp_path: Path) -> None:
    env = relinked(tmp_path, folder="/gone/host")
    done = python(env, "import allspark")
    [line] = [line for line in done.stderr.splitlines() if line.startswith("ImportError")]
    assert "/gone/host" in line
    assert "eas-host pysdk init --link" in line


def test_missing_python_of_the_host_is_reported_with_the_command_to_link_again(tmp_path: Path) -> None:
    """The front of a program runs on it."""
    env = relinked(tmp_path, python="/gone/bin/python")
    done = python(env, "import allspark; allspark.Context().queued_service()")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "/gone/bin/python" in line
    assert "eas-host pysdk init --link" in line


def test_what_runs_in_env_imports_only_the_standard_library() -> None:
    """A processor's own packages are its own, whichever versions they have."""
    files = [path for name in import_hook.NAMES for path in (ROOT / "host" / name).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    imported = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {name.partition(".")[0] for name in imported}
    for_type_checkers = {"typing_extensions"}
    from_the_program = {"gevent", "eventlet", "jpype"}
    assert names - sys.stdlib_module_names <= {*import_hook.NAMES, *for_type_checkers, *from_the_program}


# Workers on another interpreter.

PROBE = """
import json, sys

def main():
    import allspark, eas_runtime, own
    found = [allspark.__file__, eas_runtime.__file__, own.__file__]
    print(json.dumps([sys.prefix, sys.argv[1:], sys.path, found, [name for name in sys.argv[2:] if missing(name)]]))

def missing(name):
    try:
        __import__(name)
    except ImportError:
        return True
"""


def test_command_on_another_interpreter_imports_packages_then_env_then_the_host(tmp_path: Path) -> None:
    """The command sees two packages of the host, which win over whatever ENV has by these names, and no other."""
    env = make_env(tmp_path, modules={"own.py": "", "allspark.py": "", "eas_runtime.py": ""})
    packages = [tmp_path / "one", tmp_path / "two"]
    for folder in packages:
        folder.mkdir()
        (folder / "probe.py").write_text(PROBE)
    (packages[0] / "more.pth").write_text("below\n")
    (packages[0] / "below").mkdir()
    (packages[1] / "own.py").write_text("")
    words = python_command.command(
        "probe", 1, "numpy", "uvloop", "requests", interpreter=str(env / "bin/python"), packages=[*map(str, packages)]
    )
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=env / SITE)
    prefix, arguments, path, found, missing = json.loads(done.stdout)
    assert (prefix, arguments) == (str(env), ["1", "numpy", "uvloop", "requests"])
    tail = [str(packages[0]), str(packages[0] / "below"), str(packages[1]), str(env / SITE)]
    assert path[-4:] == tail
    assert not {str(ROOT / "host"), ""} & set(path)
    host = ROOT / "host"
    assert found == [
        *(str(host / name / "__init__.py") for name in ("allspark", "eas_runtime")),
        str(packages[1] / "own.py"),
    ]
    assert missing == ["numpy", "uvloop", "requests"]


def test_packages_come_before_the_hosts_site_packages(tmp_path: Path) -> None:
    """The standard library comes before them."""
    for name, text in {"probe.py": PROBE, "own.py": "", "lz4.py": "", "json.py": "raise SystemExit(1)"}.items():
        (tmp_path / name).write_text(text)
    words = python_command.command("probe", "lz4", packages=[str(tmp_path)])
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/")
    prefix, _, path, found, missing = json.loads(done.stdout)
    assert (prefix, missing) == (sys.prefix, [])
    assert found[2] == str(tmp_path / "own.py")
    assert path.index(str(tmp_path)) < next(at for at, entry in enumerate(path) if entry.endswith("site-packages"))


def test_worker_runs_on_the_python_of_env_with_this_hosts_allspark(start: StartHost, tmp_path: Path) -> None:
    """Anybody may have made the ENV beside the program; the worker has its packages."""
    env = make_env(tmp_path, modules={"own.py": "VALUE = 42\n", "allspark.py": "raise SystemExit(1)"})
    app = tmp_path / "app.py"
    app.write_text(APP.replace("PROCESSES", "1"))
    host = start("python", app)
    assert host.call(b"x").body.decode().split() == [str(env), "42", str(ROOT / "host" / "allspark" / "__init__.py")]
