"""
Requirements: read from where they may stand, installed once, and found by the worker that asked for them.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.deploy.python.requirements import install, read_requirements
from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.python_env.import_hook import ABI
from support import TIMEOUT
from support.env import make_env, script
from support.host import Host
from support.wheel import make_wheel


@pytest.fixture(autouse=True)
def _quiet_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's pip is configured to, nothing is asked of a network."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheels of `small`, 1.0 and 2.0, and of `needy`, which needs it."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "small")
    make_wheel(folder, "small", "2.0")
    make_wheel(folder, "needy", requires="small<2")
    return folder


def test_install(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are announced and installed with what they need; the same lines are found again, without pip or wheels."""
    lines = ["# what is needed", "", f"--find-links {wheels}", "needy"]
    folder = install(lines, "", tmp_path / "cache")
    assert folder is not None
    assert {path.name for path in folder.glob("*.py")} == {"needy.py", "small.py"}
    assert (folder / "small.py").read_text() == "VERSION = '1.0'\n"
    assert capsys.readouterr().out == f"[OK] Installing requirements [--find-links {wheels}, needy]\n"
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert install(lines, "", tmp_path / "cache") == folder
    assert capsys.readouterr().out == ""


def test_other_lines_are_another_folder(wheels: Path, tmp_path: Path) -> None:
    """Also those that name the same file, if that has been written anew."""
    first = install([str(wheels / "small-1.0-py3-none-any.whl")], "", tmp_path)
    make_wheel(wheels, "small", text="VERSION = 'patched'\n")
    second = install([str(wheels / "small-1.0-py3-none-any.whl")], "", tmp_path)
    assert first is not None
    assert second is not None
    assert (first / "small.py").read_text() == "VERSION = '1.0'\n"
    assert (second / "small.py").read_text() == "VERSION = 'patched'\n"


def test_other_constraints_are_another_folder(wheels: Path, tmp_path: Path) -> None:
    """What a description's own lines include counts as if it stood there."""
    (tmp_path / "base.txt").write_text("-c limits.txt  # not the newest\nsmall\n")
    lines = [f"--find-links {wheels}", "-r base.txt # all of it"]
    for version in ("1.0", "2.0"):
        (tmp_path / "limits.txt").write_text(f"small=={version}  # for now\n" + "# again\n" * int(version[0]))
        folder = install(lines, "", tmp_path / "cache", tmp_path)
        assert folder is not None
        assert (folder / "small.py").read_text() == f"VERSION = '{version}'\n"


def test_hashes(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines as `pip-compile --generate-hashes` writes them are longer than a file's name can be, and shown without."""
    digest = hashlib.sha256((wheels / "small-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    hashes = [f"--hash=sha256:{value}" for value in (*(f"{number:064x}" for number in range(8)), digest)]
    text = f"--find-links {wheels}\n" + " \\\n    ".join(["small==1.0", *hashes]) + "\n    # via needy\n"
    (tmp_path / "requirements.txt").write_text(text)
    folder = install(read_requirements(tmp_path), "", tmp_path / "cache", tmp_path)
    assert folder is not None
    assert (folder / "small.py").exists()
    assert capsys.readouterr().out == f"[OK] Installing requirements [--find-links {wheels}, small==1.0]\n"


@pytest.mark.parametrize("lines", [[], ["", "  "], ["# nothing", "   # at all"]])
def test_nothing_wanted(lines: list[str], tmp_path: Path) -> None:
    assert install(lines, "", tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_pip_fails(wheels: Path, tmp_path: Path) -> None:
    """One line, pip's own below it, nothing left behind, and passwords stay out of sight."""
    lines = [f"--find-links {wheels}", "--find-links https://user:s3cret@localhost:1/", "absent==1.0"]
    with pytest.raises(InitializeFailed) as caught:
        install(lines, "", tmp_path / "cache")
    assert "absent==1.0" in caught.value.message
    assert "exit code 1" in caught.value.message
    assert "https://****@localhost" in caught.value.message
    assert "No matching distribution found for absent==1.0" in caught.value.detail
    assert "s3cret" not in caught.value.message + caught.value.detail
    assert [path.suffix for path in (tmp_path / "cache" / "requirements").iterdir()] == [".lock"]


def test_an_environment_without_pip(wheels: Path, tmp_path: Path) -> None:
    """The host's own pip does it for that Python, and what it installs can be imported there."""
    env = make_env(tmp_path)
    folder = install([f"--find-links {wheels}", "small==1.0"], str(env / "bin" / "python"), tmp_path / "cache")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import small; print(small.VERSION)"
    assert subprocess.check_output([env / "bin" / "python", "-c", code], text=True) == "1.0\n"


def test_no_pip_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_env(tmp_path) / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(InitializeFailed, match=f"no pip in {python}.*-m ensurepip"):
        install(["small"], "", tmp_path / "cache")


def test_a_cache_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(InitializeFailed, match=f"{tmp_path}/cache.*Not a directory; --cache names the folder"):
        install(["small"], "", tmp_path / "cache")


def test_a_host_that_was_killed(wheels: Path, tmp_path: Path) -> None:
    """What it left half done is removed by the next."""
    lines = [f"--find-links {wheels}", "small"]
    folder = install(lines, "", tmp_path)
    assert folder is not None
    left = folder.rename(folder.with_name(f".{folder.name}-abc"))
    assert install(lines, "", tmp_path) == folder
    assert not left.exists()


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl+C ends pip, too, and leaves nothing."""
    os.mkfifo(tmp_path / "pip")
    facts = json.dumps([platform.python_implementation(), platform.python_version(), ABI, platform.machine()])
    pip = f"exec 3> '{tmp_path}/pip'; echo begun; sleep 60 3>&-; echo late >&3"
    script(tmp_path / "python", f"""case "$*" in *'import pip') ;; *'-m pip '*) {pip};; *) echo '{facts}';; esac""")
    code = (
        "import sys; from pathlib import Path; from eas_host import log; log.configure('debug', 'text'); "
        "from eas_host.deploy.python.requirements import install; "
        "install(['small'], sys.argv[1] + '/python', Path(sys.argv[1]) / 'cache')"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as host, (tmp_path / "pip").open() as output:
        assert host.stderr is not None
        assert any("pip: begun" in line for line in host.stderr)
        host.send_signal(signal.SIGINT)
        assert output.read() == ""
        assert host.wait(TIMEOUT) == -signal.SIGINT
    assert [path.suffix for path in (tmp_path / "cache" / "requirements").iterdir()] == [".lock"]


def test_a_python_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(InitializeFailed, match="/gone/python cannot be started"):
        install(["small"], "/gone/python", tmp_path / "cache")


def test_two_at_once(wheels: Path, tmp_path: Path) -> None:
    """Two hosts that start together install once; the second waits for the first."""
    code = (
        "import json, sys; from pathlib import Path; from eas_host.deploy.python.requirements import install; "
        "print(install(json.loads(sys.argv[1]), '', Path(sys.argv[2])))"
    )
    lines = json.dumps([f"--find-links {wheels}", "needy"])
    command = [sys.executable, "-c", code, lines, str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed[0][-1] == printed[1][-1]
    assert sum(len(lines) for lines in printed) == 3, "two results and one announcement"


def test_paths_are_the_packages_own(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Relative paths begin at the package; when that is unpacked elsewhere, what is installed is found again."""
    (tmp_path / "limits.txt").write_text("small<2\n")
    lines = ["-f ./wheels", "-c ./limits.txt", "small", "./wheels/needy-1.0-py3-none-any.whl"]
    first = install(lines, "", tmp_path / "cache", tmp_path)
    assert first is not None
    assert (first / "small.py").read_text() == "VERSION = '1.0'\n"
    (tmp_path / "again").mkdir()
    shutil.copytree(wheels, tmp_path / "again" / "wheels")
    shutil.copy2(tmp_path / "limits.txt", tmp_path / "again")
    capsys.readouterr()
    assert install(lines, "", tmp_path / "cache", tmp_path / "again") == first
    assert capsys.readouterr().out == ""


# requirements.txt.


def test_lines_of_nothing(tmp_path: Path) -> None:
    assert read_requirements(tmp_path) == ()


def test_an_env_has_them_already(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    assert read_requirements(tmp_path) == ("numpy",)
    (tmp_path / "ENV").mkdir()
    assert read_requirements(tmp_path) == ()


def test_includes(tmp_path: Path) -> None:
    """What the lines include is part of them; all their paths begin at the package."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "limits.txt").write_text("numpy<2\n")
    (tmp_path / "more" / "base.txt").write_text("scipy \\\n  >= 1\n-r last.txt\n-f ../wheels\n")
    (tmp_path / "more" / "last.txt").write_text("\ufeffpandas\n", encoding="utf-8")
    wheel = make_wheel(tmp_path / "wheels", "small")
    text = f"-r more/base.txt\n--find-links=wheels\n-c limits.txt\n./wheels/{wheel.name}\nnumpy # the usual\n-i http://x/\n"
    (tmp_path / "requirements.txt").write_text(text)
    assert read_requirements(tmp_path) == (
        "scipy   >= 1",
        "pandas",
        "-f ./wheels",
        "--find-links=./wheels",
        "-c ./limits.txt",
        f"./wheels/{wheel.name}",
        "numpy",
        "-i http://x/",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-r absent.txt\n", ["absent.txt", "No such file", "requirements.txt names it"]),
        ("-r requirements.txt\n", ["includes itself"]),
    ],
)
def test_wrong_includes(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    with pytest.raises(EntryInvalid) as caught:
        read_requirements(tmp_path)
    for word in words:
        assert word in caught.value.message


def test_no_text(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"numpy\xff\n")
    with pytest.raises(EntryInvalid, match="not UTF-8 text, at byte 5"):
        read_requirements(tmp_path)


def test_a_service_has_what_it_requires(tmp_path: Path) -> None:
    """What a package's requirements.txt asks for is there when the processor is loaded, before the host's own."""
    folder = tmp_path / "package"
    make_wheel(folder / "wheels", "small", "2.0")
    (folder / "requirements.txt").write_text("--find-links wheels\nsmall==2.0\n")
    (folder / "app.py").write_text(
        "import allspark, small\n"
        "class App(allspark.BaseProcessor):\n"
        "    def initialize(self): pass\n"
        "    def process(self, data): return small.VERSION.encode(), 200\n"
    )
    (folder / "service.json").write_text(
        json.dumps({"name": "s", "processor_path": ".", "processor_entry": "app.py", "processor_type": "python"})
    )
    for announced in (1, 0):  # the second start finds it installed
        words = ("serve", folder / "service.json")
        with Host(tmp_path / f"host-{announced}", None, words, cache=tmp_path / "cache") as host:
            assert host.call(b"x").body == b"2.0"
            assert (
                host.log.text().count("[OK] Installing requirements [--find-links ./wheels, small==2.0]") == announced
            )


# What root may read and the package's author may not.


def test_includes_of_others(tmp_path: Path) -> None:
    """A file outside of the package is pip's to read, which has the rights of the user; so where a link leads there."""
    package = tmp_path / "package"
    package.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    (package / "link.txt").symlink_to(secret)
    (package / "inner.txt").symlink_to("last.txt")
    (package / "last.txt").write_text("pandas\n")
    (package / "requirements.txt").write_text(f"-r {secret}\n-r ../secret\n-rlink.txt\n-r inner.txt\n")
    assert read_requirements(package) == (f"-r {secret}", "-r ./../secret", "-r ./link.txt", "pandas")


def test_a_file_of_others(wheels: Path, tmp_path: Path) -> None:
    """The requirements.txt may itself lie elsewhere, as a large one does, which a workspace has a link to."""
    package = tmp_path / "package"
    package.mkdir()
    (tmp_path / "all.txt").write_text(f"--find-links {wheels}\nsmall==1.0\n")
    (package / "requirements.txt").symlink_to(tmp_path / "all.txt")
    assert read_requirements(package) == ("-r ./requirements.txt",)
    folder = install(read_requirements(package), "", tmp_path / "cache", package)
    assert folder is not None
    assert (folder / "small.py").exists()


def test_includes_through_a_link_in_a_circle(tmp_path: Path) -> None:
    """Whatever name a file has each time, it includes itself."""
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "requirements.txt").write_text("-r again/requirements.txt\n")
    with pytest.raises(EntryInvalid, match="includes itself"):
        read_requirements(tmp_path)
