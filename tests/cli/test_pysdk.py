"""
`eas-host pysdk` makes a program that answers, with an environment of its own, and packs it.
"""

from __future__ import annotations

import json
import os
import platform
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_host.deploy.python import installed
from eas_host.python_env import link
from eas_runtime.linking import import_hook
from support import TIMEOUT
from support.command import run
from support.env import SITE, make_env, python, script
from support.host import clean_environment, program
from support.log import Log
from support.program import Program

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pysdk init` makes, once: an environment with pip takes 5 s. Not to be changed."""
    folder = tmp_path_factory.mktemp("pysdk") / "PySDK-demo"
    ended = run("pysdk", "init", folder)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        f"[PYSDK] Creating python environment {folder}/ENV with python {platform.python_version()}",
        "[PYSDK] Installing python processor example app.py",
        "[PYSDK] Installing python service example app.json",
        "next:",
        f"  cd {folder}",
        "  ENV/bin/python app.py",
        "  curl http://127.0.0.1:8080/test -d '10 20'    # in another terminal",
    ]
    return folder


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """`DIR/ENV/bin/python DIR/app.py`."""
    with Program(tmp_path_factory.mktemp("run") / "run", made / "app.py", interpreter=made / "ENV/bin/python") as app:
        yield app


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"10 20", 200, b"True"),
        (b"2 104", 200, b"True"),
        (b"2 105", 400, b"False"),
        (b"0.5 -1e3", 200, b"True"),
        (b"", 400, b"expected two numbers"),
        (b"10", 400, b"expected two numbers"),
        (b"10 20 30", 400, b"expected two numbers"),
        (b"ten 20", 400, b"expected two numbers"),
        (b"\xff\x00 20", 400, b"expected two numbers"),
    ],
)
def test_new_program_answers_as_the_document_says(served: Program, body: bytes, status: int, answer: bytes) -> None:
    """The document's own request, at any path, and a sentence for what is no request."""
    response = served.call(body, "/test")
    assert response.status == status
    assert response.body.startswith(answer)


def test_app_json_has_the_documents_keys(made: Path) -> None:
    """The service is called after the folder, and can be tested where it lies."""
    described = json.loads((made / "app.json").read_text())
    assert described["name"] == "pysdk_demo"
    assert described["processor_entry"] == "./app.py"
    assert described["processor_type"] == "python"
    assert (made / described["processor_path"] / described["processor_entry"]).is_file()
    assert described["metadata"]["instance"] == 1


def test_env_contains_only_pip(made: Path) -> None:
    """What a package is to hold is installed with ENV/bin/pip, which sees nothing of the host."""
    listed = subprocess.check_output([made / "ENV/bin/pip", "list", "--format=json", "--disable-pip-version-check"])
    assert {package["name"] for package in json.loads(listed)} <= {"pip", "setuptools"}
    assert python(made / "ENV", "import numpy").returncode == 1


def test_init_in_an_initialised_folder_is_refused(made: Path) -> None:
    """Nothing is overwritten."""
    text = (made / "app.py").read_text()
    ended = run("pysdk", "init", made)
    ended.fails_in_one_line(2, str(made), "ENV, app.json and app.py", "nothing is overwritten", "--link")
    assert (made / "app.py").read_text() == text


def test_new_program_runs_on_the_oldest_python_here(made: Path, tmp_path: Path) -> None:
    """The same file, whichever Python --python names."""
    release = next(iter(installed.releases()))
    path, _ = installed.find(".".join(map(str, release)))
    env = make_env(tmp_path, linked=True, interpreter=path)
    shutil.copy(made / "app.py", tmp_path)
    with Program(tmp_path / "run", tmp_path / "app.py", interpreter=env / "bin" / "python") as app:
        assert app.call(b"10 20").body == b"True"


@pytest.mark.parametrize("name", ["ENV", "app.py", "app.json"])
def test_init_is_refused_where_one_of_its_files_exists(tmp_path: Path, name: str) -> None:
    """Nothing is made."""
    (tmp_path / name).symlink_to("/gone")
    run("pysdk", "init", tmp_path).fails_in_one_line(2, f"has {name} already")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_pack_names_the_archive_after_the_folder_with_env_at_its_root(made: Path, tmp_path: Path) -> None:
    """The command says so in EASCMD's words."""
    folder = tmp_path / "demo"
    folder.mkdir()
    make_env(folder)
    for name in ("app.py", "app.json"):
        shutil.copy(made / name, folder)
    ended = run("pysdk", "pack", folder)
    assert ended.code == 0
    assert ended.stdout.splitlines()[0] == f"[PYSDK] Creating package: {tmp_path}/demo.tar.gz"
    with tarfile.open(tmp_path / "demo.tar.gz") as archive:
        assert {"app.py", "app.json", "ENV/pyvenv.cfg", "ENV/bin/python"} <= set(archive.getnames())


def test_link_makes_allspark_importable_in_an_existing_env(tmp_path: Path) -> None:
    """Anybody may have made ENV; nothing else in it changes."""
    env = make_env(tmp_path, modules={"own.py": ""})
    assert python(env, "import allspark").returncode == 1
    ended = run("pysdk", "init", "--link", tmp_path)
    assert (ended.code, ended.stdout) == (
        0,
        f"[PYSDK] {env}: Python {platform.python_version()} imports allspark from this host now\n",
    )
    assert python(env, "import allspark, own").returncode == 0
    (tmp_path / "empty").mkdir()
    run("pysdk", "init", "--link", tmp_path / "empty").fails_in_one_line(2, "has no ENV to link")


def wrapper(tmp_path: Path, before: str) -> Path:
    """A Python that runs the shell's *before* first."""
    return script(tmp_path / "bin" / "python", f'{before}\nexec {sys.executable} "$@"')


def test_env_is_made_without_pip_where_ensurepip_is_missing(tmp_path: Path) -> None:
    """Debian's Python may be without it; a warning says how to install into ENV."""
    path = wrapper(tmp_path, 'case "$*" in *"import ensurepip"*) exit 1;; esac')
    ended = run("pysdk", "init", "--python", path, tmp_path / "demo")
    assert ended.code == 0
    [warning] = [line for line in ended.stderr.splitlines() if "[WARNING]" in line]
    assert f"install python{OWN}-venv" in warning
    assert f"-m pip --python {tmp_path}/demo/ENV/bin/python install" in warning
    assert not (tmp_path / "demo" / "ENV" / "bin" / "pip").exists()
    assert python(tmp_path / "demo" / "ENV", "import allspark").returncode == 0


def test_env_of_a_python_that_cannot_run_processors_is_refused(tmp_path: Path) -> None:
    """Nothing is made."""
    facts = '["CPython", "3.5.1", ".so", ""]'
    path = wrapper(tmp_path, f"case \"$*\" in *implementation*) echo '{facts}'; exit 0;; esac")
    ended = run("pysdk", "init", "--python", path, tmp_path / "demo")
    ended.fails_in_one_line(2, f"--python {path}", "is Python 3.5.1", "3.6 and later")
    assert not (tmp_path / "demo").exists()


def test_python_version_is_searched_on_path_past_one_that_does_not_run(tmp_path: Path) -> None:
    """A stand-in for a Python that is not installed does not run."""
    script(tmp_path / "stand-in" / "python3.99", "echo 'not installed' >&2; exit 127")
    facts = '["CPython", "3.98.0", ".cpython-398.so", ""]'
    script(tmp_path / "real" / "python3.99", f"echo '{facts}'")
    path = f"{tmp_path}/stand-in:{tmp_path}/real:{os.environ['PATH']}"
    run("pysdk", "init", "--python", "3.99", tmp_path / "demo", variables={"PATH": path}).fails_in_one_line(
        2, "--python 3.99", f"{tmp_path}/real/python3.99 is Python 3.98.0"
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["init|pack"]),
        (["ini", "x"], ["'ini'", "expected init or pack", "did you mean init?"]),
        (["init"], ["DIR"]),
        (["init", "--pyton", "3", "x"], ["--pyton", "did you mean --python?"]),
        (["init", "--python", "three", "x"], ["--python three", "expected a version such as", OWN]),
        (["init", "--python", "3.99", "x"], ["no such Python on PATH", OWN]),
        (["init", "--python", "/gone/python", "x"], ["/gone/python cannot be started"]),
        (["init", "--python", "/bin/false", "x"], ["/bin/false does not run"]),
        (["init", "/dev/null/x"], ["/dev/null"]),
        (["pack"], ["DIR"]),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_made(argv: list[str], words: list[str], tmp_path: Path) -> None:
    run("pysdk", *argv, cwd=tmp_path).fails_in_one_line(2, *words)
    assert list(tmp_path.iterdir()) == []


def test_python_version_is_asked_for_on_a_terminal(tmp_path: Path) -> None:
    """EASCMD's question; the answer is taken as --python is."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*program(), "pysdk", "init", tmp_path / "demo"], stdin=child, stdout=child, stderr=subprocess.PIPE, text=True
    )
    os.close(child)
    asked = b""
    while b":" not in asked:
        asked += os.read(parent, 1000)
    found, question = asked.decode().splitlines()
    assert OWN in re.findall(r"[\d.]+", found.removeprefix("[PYSDK] Found python "))
    assert question == f"[PYSDK] Please choose your python version [enter for {found.rpartition(' ')[2]}]:"
    os.write(parent, b"3.99\n")
    assert "no such Python on PATH" in process.communicate(timeout=TIMEOUT)[1]
    os.close(parent)
    assert process.returncode == 2


def test_ctrl_c_while_making_env_leaves_nothing(tmp_path: Path) -> None:
    """The processes that were started for that are gone, and so is the new folder."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    hang = f'case "$*" in *"-m venv"*) mkdir -p {tmp_path}/demo/ENV/half; echo begun >{fifo}; exec sleep 600;; esac'
    path = wrapper(tmp_path, hang)
    log = Log()
    process = subprocess.Popen(
        [*program(), "pysdk", "init", "--python", path, tmp_path / "demo"],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log.follow(process.stdout, "stdout")
    log.follow(process.stderr, "stderr")
    assert fifo.read_text() == "begun\n"  # waits for it
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 130
    assert log.wait_end(), "something still runs"
    assert log.text(stream="stderr") == ""
    assert not (tmp_path / "demo").exists()


def test_env_has_the_hosts_import_hook(made: Path) -> None:
    ours = Path(import_hook.__file__).read_text()
    assert (made / "ENV" / SITE / f"{link.MODULE}.py").read_text() == ours
