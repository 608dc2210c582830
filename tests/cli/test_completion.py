"""
`eas-host completion SHELL`: real shells complete what is typed, with a tab.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_host.cli.main import COMMANDS
from support import proc
from support.build import need
from support.command import run
from support.host import LISTENING

TYPED = {
    "eas-host ser\tapp.p\t--log-l\twar\t--no-r\t": "serve app.py --log-level warning --no-retry",
    "eas-host invo\tapp.\t--at-o\t2": "invoke app.py --at-once 2",
    "eas-host app.p\t--worker-p\t2 --cac\tfol\t": "app.py --worker-processes 2 --cache folder/",
    "eas-host pysd\tpac\tfol\t": "pysdk pack folder/",
    "eas-host completion f\t": "completion fish",
}
"""What is typed, and the arguments that the command then has."""
START = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
}
SET_UP = {
    "bash": "PS1='ready> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'",
    "zsh": "PS1='ready> '; unset zle_bracketed_paste; unsetopt auto_remove_slash; autoload compinit; compinit -u -D",
}


APP = """
import allspark


class Echo(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return data, 200
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def url(cache: Path) -> Iterator[str]:
    """
    That of a service that `--detach` has started. Beside its log there is one of a host that has ended, and one in
    which a processor has tried to have a shell run a command.
    """
    entry = cache / "echo.py"
    entry.write_text(APP, encoding="utf-8")
    options = ("--entry", entry, "--name", "running", "--listen", "127.0.0.1:0", "--detach")
    ended = run(*options, variables={"EAS_HOST_CACHE": str(cache)})
    assert ended.code == 0, ended.stderr
    watch = proc.Watch(pid := int(ended.stdout.removeprefix("kill ")))
    (cache / "logs" / "eas-host-0.log").write_text("listening on http://127.0.0.1:1/api/predict/ended\n")
    attacks = (f"$(touch {cache}/run)", f"`touch {cache}/run`")
    lines = "".join(f"listening on http://127.0.0.1:2/{attack}\n" for attack in attacks)
    (cache / "logs" / f"eas-host-{os.getpid()}.log").write_text(lines)
    match = re.search(LISTENING, ended.stderr)
    assert match, ended.stderr
    yield f"http://{match[2]}:{match[3]}/api/predict/running"
    os.kill(pid, signal.SIGTERM)
    assert watch.wait()


@contextlib.contextmanager
def terminal(shell: str, folder: Path, **variables: str) -> Iterator[int]:
    """An interactive *shell* in *folder*, and the terminal that it reads from."""
    path = need(shell)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "HOME": str(folder), "INPUTRC": "/dev/null", **variables}
    process = subprocess.Popen(
        [path, *START[shell]],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, mark: str) -> str:
    text = ""
    while mark not in text:
        text += os.read(terminal, 4096).decode(errors="replace")
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("shell", START)
def test_tab_completes_commands_options_values_and_files(shell: str, folder: Path) -> None:
    with terminal(shell, folder) as typing:
        set_up(shell, folder, typing)
        for typed, expected in TYPED.items():
            assert completed(typing, typed) == expected


@pytest.mark.parametrize("shell", START)
def test_tab_completes_the_service_that_runs(shell: str, folder: Path, cache: Path, url: str) -> None:
    """Where a URL is wanted; and no service that has ended."""
    with terminal(shell, folder, EAS_HOST_CACHE=str(cache)) as typing:
        set_up(shell, folder, typing)
        assert completed(typing, "eas-host wait \t") == f"wait {url}"
        assert completed(typing, "eas-host load htt\t--js\t") == f"load {url} --json"
        assert completed(typing, "eas-host load http://127\t-n 3") == f"load {url} -n 3"
        assert completed(typing, "eas-host load app.p\t") == "load app.py"
    assert not (cache / "run").exists()


def set_up(shell: str, folder: Path, typing: int) -> None:
    """Has *shell* complete `eas-host`, a function of the shell that prints what it gets."""
    (folder / "script").write_text(run("completion", shell).stdout, encoding="utf-8")
    # The quotes keep the marks out of what the terminal echoes.
    lines = f"{SET_UP[shell]}; source ./script; eas-host() {{ echo 'GO''T' \"$@\" 'EN''D'; }}; echo 'SE''T'\n"
    os.write(typing, lines.encode())
    read_until(typing, "SET")


def completed(typing: int, typed: str) -> str:
    os.write(typing, f"{typed}\n".encode())
    return read_until(typing, "END").partition("GOT ")[2].partition(" END")[0]


def test_fish_completes_commands_options_values_and_files(folder: Path) -> None:
    """fish itself says what it would offer."""
    fish = need("fish")
    (folder / "script").write_text(run("completion", "fish").stdout, encoding="utf-8")
    asked = ["eas-host ser", "eas-host ap", "eas-host serve --no-r", "eas-host --log-level wa", "eas-host pysdk pa"]
    code = "source script; for line in $argv; complete -C $line; end"
    done = subprocess.run(
        [fish, "--no-config", "-c", code, *asked], cwd=folder, capture_output=True, text=True, check=True
    )
    found = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert (found, done.stderr) == (["serve", "app.py", "--no-retry", "warning", "pack"], "")


def test_fish_completes_the_service_that_runs(folder: Path, cache: Path, url: str) -> None:
    fish = need("fish")
    (folder / "script").write_text(run("completion", "fish").stdout, encoding="utf-8")
    code = "source script; for line in $argv; complete -C $line; end"
    done = subprocess.run(
        [fish, "--no-config", "-c", code, "eas-host wait ", "eas-host load htt"],
        cwd=folder,
        env={**os.environ, "EAS_HOST_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert (found, done.stderr) == ([url, url], "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_has_every_command(shell: str) -> None:
    script = run("completion", shell).stdout
    assert [name for name in COMMANDS if name.lstrip("-") not in script] == []


def test_unknown_shell_is_refused() -> None:
    run("completion", "tcsh").fails_in_one_line(2, "'tcsh' is unknown; expected bash, zsh or fish")
    run("completion").fails_in_one_line(2, "SHELL", "eas-host completion --help")
