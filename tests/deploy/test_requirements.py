"""
Requirements are read from all places where they may stand, installed once, and found by the worker that needs them.
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
import sysconfig
from pathlib import Path

import pytest

from eas_host.deploy.python.requirements import install, read_requirements
from eas_host.errors import EntryInvalid, InitializeFailed
from support import TIMEOUT
from support.env import make_env, script
from support.host import Host
from support.other_python import another_python
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


def test_requirements_are_announced_installed_and_reused(
    wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they need is installed, too; the same lines are found again, without pip or wheels."""
    lines = ["# what is needed", "", f"--find-links {wheels}", "needy"]
    folder = install(lines, "", tmp_path / "cache")
    assert folder is not None
    assert {path.name for path in folder.glob("*.py")} == {"needy.py", "small.py"}
    assert (folder / "small.py").read_text() == "VERSION = '1.0'\n"
    assert capsys.readouterr().out.splitlines() == [
        f"[INFO] Installing requirements [--find-links {wheels}, needy]",
        f"[OK] Installed requirements [--find-links {wheels}, needy]",
    ]
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert install(lines, "", tmp_path / "cache") == folder
    assert capsys.readouterr().out == ""


def test_rewritten_wheel_file_is_installed_again(wheels: Path, tmp_path: Path) -> None:
    """The line that names the wheel is the same."""
    first = install([str(wheels / "small-1.0-py3-none-any.whl")], "", tmp_path)
    make_wheel(wheels, "small", text="VERSION = 'patched'\n")
    second = install([str(wheels / "small-1.0-py3-none-any.whl")], "", tmp_path)
    assert first is not None
    assert second is not None
    assert (first / "small.py").read_text() == "VERSION = '1.0'\n"
    assert (second / "small.py").read_text() == "VERSION = 'patched'\n"


def test_changed_constraints_file_is_installed_again(wheels: Path, tmp_path: Path) -> None:
    """A file that the lines of a description include counts as if its text stood there."""
    (tmp_path / "base.txt").write_text("-c limits.txt  # not the newest\nsmall\n")
    lines = [f"--find-links {wheels}", "-r base.txt # all of it"]
    for version in ("1.0", "2.0"):
        (tmp_path / "limits.txt").write_text(f"small=={version}  # for now\n" + "# again\n" * int(version[0]))
        folder = install(lines, "", tmp_path / "cache", tmp_path)
        assert folder is not None
        assert (folder / "small.py").read_text() == f"VERSION = '{version}'\n"


def test_lines_with_hashes_are_installed_and_shown_without_them(
    wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such lines, as `pip-compile --generate-hashes` writes them, are longer than a file's name can be."""
    digest = hashlib.sha256((wheels / "small-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    hashes = [f"--hash=sha256:{value}" for value in (*(f"{number:064x}" for number in range(8)), digest)]
    text = f"--find-links {wheels}\n" + " \\\n    ".join(["small==1.0", *hashes]) + "\n    # via needy\n"
    (tmp_path / "requirements.txt").write_text(text)
    folder = install(read_requirements(tmp_path), "", tmp_path / "cache", tmp_path)
    assert folder is not None
    assert (folder / "small.py").exists()
    said = capsys.readouterr().out
    assert f"[OK] Installed requirements [--find-links {wheels}, small==1.0]\n" in said
    assert "sha256" not in said


@pytest.mark.parametrize("lines", [[], ["", "  "], ["# nothing", "   # at all"]])
def test_empty_lines_and_comments_install_nothing(lines: list[str], tmp_path: Path) -> None:
    assert install(lines, "", tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_failure_of_pip_is_reported_without_passwords(wheels: Path, tmp_path: Path) -> None:
    """The message is one line with pip's own below it, and nothing is left behind."""
    lines = [f"--find-links {wheels}", "--find-links https://user:s3cret@localhost:1/", "absent==1.0"]
    with pytest.raises(InitializeFailed) as caught:
        install(lines, "", tmp_path / "cache")
    assert "absent==1.0" in caught.value.message
    assert "exit code 1" in caught.value.message
    assert "https://****@localhost" in caught.value.message
    assert "No matching distribution found for absent==1.0" in caught.value.detail
    assert "s3cret" not in caught.value.message + caught.value.detail
    assert [path.suffix for path in (tmp_path / "cache" / "requirements").iterdir()] == [".lock"]


def test_hosts_pip_installs_for_an_env_without_pip(wheels: Path, tmp_path: Path) -> None:
    """The Python of ENV can import what is installed."""
    env = make_env(tmp_path)
    folder = install([f"--find-links {wheels}", "small==1.0"], str(env / "bin" / "python"), tmp_path / "cache")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import small; print(small.VERSION)"
    assert subprocess.check_output([env / "bin" / "python", "-c", code], text=True) == "1.0\n"


def test_pip_of_a_venvs_own_python_installs_where_the_hosts_is_too_new(wheels: Path, tmp_path: Path) -> None:
    """A pip supports a few versions of Python, and the host's need not be among them."""
    path, _ = another_python()
    env = make_env(tmp_path, interpreter=path)
    folder = install([f"--find-links {wheels}", "small==1.0"], str(env / "bin" / "python"), tmp_path / "cache")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import small; print(small.VERSION)"
    assert subprocess.check_output([env / "bin" / "python", "-c", code]) == b"1.0\n"


def test_missing_pip_is_reported_with_ensurepip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python that the ENV was made from has none, either."""
    python = make_env(tmp_path, copies=True) / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(InitializeFailed, match=f"no pip in {python}.*-m ensurepip"):
        install(["small"], "", tmp_path / "cache")


def test_unwritable_cache_is_reported_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(InitializeFailed, match=f"{tmp_path}/cache.*Not a directory; --cache names the folder"):
        install(["small"], "", tmp_path / "cache")


def test_half_done_installation_of_a_killed_host_is_removed(wheels: Path, tmp_path: Path) -> None:
    lines = [f"--find-links {wheels}", "small"]
    folder = install(lines, "", tmp_path)
    assert folder is not None
    left = folder.rename(folder.with_name(f".{folder.name}-abc"))
    assert install(lines, "", tmp_path) == folder
    assert not left.exists()


def test_ctrl_c_ends_pip_and_leaves_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pip")
    facts = json.dumps(
        [platform.python_implementation(), platform.python_version(), sysconfig.get_config_var("EXT_SUFFIX"), ""]
    )
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


def test_python_that_cannot_be_started_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InitializeFailed, match="/gone/python cannot be started"):
        install(["small"], "/gone/python", tmp_path / "cache")


def test_two_hosts_that_start_together_install_once(wheels: Path, tmp_path: Path) -> None:
    """The second waits for the first."""
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
    assert sum(len(lines) for lines in printed) == 4, "two results; one says that it installs, and that it has"


def test_relative_paths_begin_at_the_package(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When the package is unpacked elsewhere, what is installed is found again."""
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


def test_package_without_requirements_has_none(tmp_path: Path) -> None:
    assert read_requirements(tmp_path) == ()


def test_requirements_are_not_read_beside_an_env(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    assert read_requirements(tmp_path) == ("numpy",)
    (tmp_path / "ENV").mkdir()
    assert read_requirements(tmp_path) == ()


def test_included_files_are_part_of_the_lines(tmp_path: Path) -> None:
    """All paths in included files begin at the package."""
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
def test_missing_or_circular_include_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    with pytest.raises(EntryInvalid) as caught:
        read_requirements(tmp_path)
    for word in words:
        assert word in caught.value.message


def test_requirements_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"numpy\xff\n")
    with pytest.raises(EntryInvalid, match="not UTF-8 text, at byte 5"):
        read_requirements(tmp_path)


def test_processor_imports_its_requirements_before_the_hosts_packages(tmp_path: Path) -> None:
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
            text = host.log.text()
            assert text.count("[OK] Installed requirements [--find-links ./wheels, small==2.0]") == announced
            assert ("[INFO] pip: Processing " in text) == bool(announced), "what pip does is shown as it does it"


# What root may read and the package's author may not.


def test_include_outside_of_the_package_is_left_to_pip(tmp_path: Path) -> None:
    """Pip has the rights of the user; so where a link leads outside."""
    package = tmp_path / "package"
    package.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    (package / "link.txt").symlink_to(secret)
    (package / "inner.txt").symlink_to("last.txt")
    (package / "last.txt").write_text("pandas\n")
    (package / "requirements.txt").write_text(f"-r {secret}\n-r ../secret\n-rlink.txt\n-r inner.txt\n")
    assert read_requirements(package) == (f"-r {secret}", "-r ./../secret", "-r ./link.txt", "pandas")


def test_requirements_file_behind_a_link_is_left_to_pip(wheels: Path, tmp_path: Path) -> None:
    """A large file lies elsewhere, and a workspace has a link to it."""
    package = tmp_path / "package"
    package.mkdir()
    (tmp_path / "all.txt").write_text(f"--find-links {wheels}\nsmall==1.0\n")
    (package / "requirements.txt").symlink_to(tmp_path / "all.txt")
    assert read_requirements(package) == ("-r ./requirements.txt",)
    folder = install(read_requirements(package), "", tmp_path / "cache", package)
    assert folder is not None
    assert (folder / "small.py").exists()


def test_include_of_itself_through_a_circular_link_is_refused(tmp_path: Path) -> None:
    """The file has another name each time."""
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "requirements.txt").write_text("-r again/requirements.txt\n")
    with pytest.raises(EntryInvalid, match="includes itself"):
        read_requirements(tmp_path)
