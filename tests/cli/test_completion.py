"""
`eas-host completion SHELL`: real shells complete what is typed, with a tab.
"""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_host.cli.main import COMMANDS
from support.build import need
from support.command import run

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


@contextlib.contextmanager
def terminal(shell: str, folder: Path) -> Iterator[int]:
    """An interactive *shell* in *folder*, and the terminal that it reads from."""
    path = need(shell)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "HOME": str(folder), "INPUTRC": "/dev/null"}
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
    """The command is a function of the shell that prints what it gets."""
    (folder / "script").write_text(run("completion", shell).stdout, encoding="utf-8")
    with terminal(shell, folder) as typing:
        # The quotes keep the marks out of what the terminal echoes.
        lines = f"{SET_UP[shell]}; source ./script; eas-host() {{ echo 'GO''T' \"$@\" 'EN''D'; }}; echo 'SE''T'\n"
        os.write(typing, lines.encode())
        read_until(typing, "SET")
        for typed, expected in TYPED.items():
            os.write(typing, f"{typed}\n".encode())
            assert read_until(typing, "END").partition("GOT ")[2].partition(" END")[0] == expected


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_has_every_command(shell: str) -> None:
    script = run("completion", shell).stdout
    assert [name for name in COMMANDS if name.lstrip("-") not in script] == []


def test_unknown_shell_is_refused() -> None:
    run("completion", "tcsh").fails_in_one_line(2, "'tcsh' is unknown; expected bash, zsh or fish")
    run("completion").fails_in_one_line(2, "SHELL", "eas-host completion --help")
