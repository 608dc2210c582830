"""
Whether a package's own Python can be used, and what the message says if not.
"""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from eas_host.deploy.python import interpreter
from eas_host.deploy.python.interpreter import Interpreter, find_interpreter
from eas_host.errors import EntryInvalid
from support.env import SITE, make_env, script
from support.host import StartHost

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = f"{sys.version_info[0]}.{sys.version_info[1] + 1}"


def env_of(tmp_path: Path, text: str) -> Path:
    """A package whose ENV/bin/python is a shell script."""
    script(tmp_path / "ENV" / "bin" / "python", text)
    return tmp_path


def says(implementation: str, version: str, problem: str) -> str:
    facts = json.dumps([implementation, version, ".abi.so", problem])
    return f"echo 'printed by a .pth'; echo {shlex.quote(facts)}"


def refused(folder: Path, *words: str) -> Interpreter:
    """Looks for the Python of *folder*, which must be refused in one sentence that holds *words*."""
    found = find_interpreter(folder)
    assert found.path == ""
    assert "\n" not in found.problem
    for word in words:
        assert word in found.problem, f"{word!r} is not in: {found.problem}"
    return found


def test_without_env_the_hosts_python_is_used(tmp_path: Path) -> None:
    """No message says so."""
    assert find_interpreter(tmp_path) == Interpreter()


def test_python_of_a_venv_is_found(tmp_path: Path) -> None:
    env = make_env(tmp_path)
    assert find_interpreter(tmp_path) == Interpreter(str(env / "bin" / "python"), platform.python_version())


def test_python3_is_used_where_python_is_missing_or_dangling(tmp_path: Path) -> None:
    env = make_env(tmp_path)
    (env / "bin" / "python").unlink()
    assert find_interpreter(tmp_path).path == str(env / "bin" / "python3")
    (env / "bin" / "python").symlink_to("/gone/python")
    assert find_interpreter(tmp_path).path == str(env / "bin" / "python3")


def test_env_that_is_a_link_is_used_and_named_by_its_target(tmp_path: Path) -> None:
    """A workspace has a link to the user's ENV."""
    env = make_env(tmp_path / "user")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "ENV").symlink_to(env)
    assert find_interpreter(tmp_path / "workspace").path == str(env / "bin" / "python")


def test_venv_whose_python_is_a_copied_file_is_used(tmp_path: Path) -> None:
    """Such a venv runs where the Python is that it was made from."""
    env = make_env(tmp_path)
    for name in ("python", "python3", f"python{OWN}"):
        real = (env / "bin" / name).resolve()
        (env / "bin" / name).unlink()
        shutil.copy2(real, env / "bin" / name)
    assert find_interpreter(tmp_path) == Interpreter(str(env / "bin" / "python"), platform.python_version())


def test_venv_without_its_home_serves_its_packages_on_the_hosts_python(tmp_path: Path) -> None:
    """A venv has no home when it is carried to a machine without the Python that it was made from."""
    env = make_env(tmp_path)
    config = env / "pyvenv.cfg"
    config.write_text("home = /gone/bin\n")
    found = refused(tmp_path, str(env / "bin" / "python"), "/gone/bin", "host's own Python", "with the packages in ENV")
    assert found.packages == (str(env / SITE),)


def test_venv_with_an_unreachable_home_serves_its_packages_on_the_hosts_python(tmp_path: Path) -> None:
    """The home can be closed to this user; a name that is too long fails in the same way, for root, too."""
    env = make_env(tmp_path)
    home = f"/{'x' * 300}"
    (env / "pyvenv.cfg").write_text(f"home = {home}\n")
    refused(tmp_path, f"in {home}, which cannot be reached: File name too long", "with the packages in ENV")


def test_dangling_python_of_another_version_is_not_used(tmp_path: Path) -> None:
    """Packages for another version are of no use."""
    (tmp_path / "ENV" / "bin").mkdir(parents=True)
    (tmp_path / "ENV" / "lib" / f"python{OTHER}" / "site-packages").mkdir(parents=True)
    (tmp_path / "ENV" / "bin" / "python").symlink_to("/gone/python3.9")
    found = refused(tmp_path, "a link to /gone/python3.9", "without ENV's packages", f"with Python {OWN}")
    assert found.packages == ()


def test_empty_env_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "ENV").mkdir()
    refused(tmp_path, "ENV has no bin/python", "without ENV's packages")


@pytest.mark.parametrize(
    ("implementation", "version", "problem", "words"),
    [
        ("CPython", "3.5.10", "", ["is Python 3.5.10", "run on 3.6 and later"]),
        ("PyPy", "3.9.0", "", ["is PyPy 3.9.0", "run on CPython"]),
        ("CPython", "3.9.2", "wrong ELF class", ["is Python 3.9.2 (.abi.so)", "native library: wrong ELF class"]),
        ("CPython", "3.9.2", "No module named '_ctypes'", ["native library: No module named '_ctypes'"]),
    ],
)
def test_incompatible_interpreter_is_explained(
    tmp_path: Path, implementation: str, version: str, problem: str, words: list[str]
) -> None:
    """The message says what ENV is, why it is not used, and what happens now; even if ENV prints something itself."""
    folder = env_of(tmp_path, says(implementation, version, problem))
    found = refused(
        folder, *words, f"host's own Python {OWN}, without ENV's packages", f"make ENV here, with Python {OWN}"
    )
    assert found.packages == ()


def test_real_library_that_cannot_be_loaded_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader's own words, from a Python that runs."""
    library = tmp_path / "libeas-runtime.so"
    library.write_bytes(b"no library")
    monkeypatch.setattr(interpreter, "LIBRARY", str(library))
    make_env(tmp_path)
    refused(tmp_path, f"{library}: file too short", "host's own Python")


def test_python_2_is_refused_by_name(tmp_path: Path) -> None:
    """No other Python runs its programs."""
    with pytest.raises(EntryInvalid, match=r"ENV/bin/python is Python 2: .* 3\.6 or later.*make ENV"):
        find_interpreter(env_of(tmp_path, "echo 'Unknown option: -I' >&2; exit 2"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo 'Fatal Python error: no encodings' >&2; exit 1", ["exit code 1", "Fatal Python error: no encodings"]),
        ("exit 7", ["exit code 7"]),
        ("kill -SEGV $$", ["signal 11"]),
        ("echo hello", ["is no Python", "hello"]),
    ],
)
def test_interpreter_that_fails_is_reported_with_its_exit_code(tmp_path: Path, text: str, words: list[str]) -> None:
    refused(env_of(tmp_path, text), str(tmp_path / "ENV" / "bin" / "python"), *words)


def test_interpreter_that_is_not_executable_is_reported(tmp_path: Path) -> None:
    (env_of(tmp_path, "") / "ENV" / "bin" / "python").chmod(0o644)
    refused(tmp_path, "is not executable")


def test_interpreter_for_another_machine_is_reported(tmp_path: Path) -> None:
    python = env_of(tmp_path, "") / "ENV" / "bin" / "python"
    head = bytearray(Path(sys.executable).resolve().read_bytes())
    head[18:20] = b"\xff\xfe"  # e_machine
    python.write_bytes(head)
    refused(tmp_path, "another kind of machine", platform.machine())


def test_interpreter_with_a_missing_loader_is_reported(tmp_path: Path) -> None:
    python = env_of(tmp_path, "") / "ENV" / "bin" / "python"
    python.write_text("#!/gone/ld-musl.so\n")
    refused(tmp_path, "the loader that it names is not on this machine")


def test_interpreter_that_hangs_is_given_up_after_the_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "_TIMEOUT_SECONDS", 0.05)
    refused(env_of(tmp_path, "exec sleep 600"), "within 0.05 s")


def test_service_runs_with_a_warning_where_env_is_unusable(start: StartHost, tmp_path: Path) -> None:
    env_of(tmp_path, says("CPython", "3.6.8", ".cpython-36m-x86_64-linux-gnu.so"))
    (tmp_path / "app.py").write_text(
        "import sys, allspark\n"
        "class App(allspark.BaseProcessor):\n"
        "    def initialize(self): pass\n"
        "    def process(self, data): return sys.prefix.encode(), 200\n"
    )
    host = start("python", tmp_path / "app.py")
    host.log.wait(r"\[WARNING\] .*ENV/bin/python is Python 3\.6\.8.*without ENV's packages", stream="stderr")
    assert host.call(b"x").body.decode() == sys.prefix
