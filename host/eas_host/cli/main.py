"""
The program `eas-host`: it runs the command that its first argument names, or serves what its arguments name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError
from eas_host.system.exit_code import run_to_exit_code
from eas_runtime import stdio

COMMANDS: Final = {
    "test": "eas_host.cli.serve:test",
    "serve": "eas_host.cli.serve:serve",
    "invoke": "eas_host.cli.calls.invoke:run",
    "debug": "eas_host.cli.calls.debug:run",
    "load": "eas_host.cli.calls.load:run",
    "check": "eas_host.cli.check:run",
    "desc": "eas_host.cli.desc.command:run",
    "image": "eas_host.cli.publishing.image:run",
    "upload": "eas_host.cli.publishing.upload:run",
    "manifest": "eas_host.cli.services.manifest:run",
    "create": "eas_host.cli.services.create:run",
    "list": "eas_host.cli.services.list_services:run",
    "ls": "eas_host.cli.services.list_services:run",
    "modify": "eas_host.cli.services.modify:run",
    "update": "eas_host.cli.services.modify:run",
    "version": "eas_host.cli.services.versions:switch",
    "versions": "eas_host.cli.services.versions:show",
    "scale": "eas_host.cli.services.instances:scale",
    "autoscale": "eas_host.cli.services.autoscale.command:run",
    "stop": "eas_host.cli.services.instances:stop",
    "start": "eas_host.cli.services.instances:start",
    "restart": "eas_host.cli.services.instances:restart",
    "showworkers": "eas_host.cli.services.workers:run",
    "w": "eas_host.cli.services.workers:run",
    "deleteworkers": "eas_host.cli.services.workers:delete",
    "dw": "eas_host.cli.services.workers:delete",
    "logs": "eas_host.cli.services.logs:run",
    "events": "eas_host.cli.services.events:run",
    "release": "eas_host.cli.release.command:run",
    "delete": "eas_host.cli.services.delete:run",
    "token": "eas_host.cli.access.token:run",
    "completion": "eas_host.cli.about.completion:run",
    "schema": "eas_host.cli.about.schema:run",
    "init": "eas_host.cli.init:run",
    "pack": "eas_host.cli.pack:run",
    "pysdk": "eas_host.cli.pysdk:run",
    "help": "eas_host.cli.main:show_help",
    "--include": "eas_host.cli.about.header:print_folder",
    "--cflags": "eas_host.cli.about.header:print_flags",
    "wait": "eas_host.cli.wait:run",
    "--wait": "eas_host.cli.wait:run",
}
"""Where the function of each command is. It gets the arguments behind the name and returns the exit code."""

SERVE: Final = "eas_host.cli.serve:run"
"""Where the function is that runs if there is no command."""
_OTHER_WORDS: Final = {
    **dict.fromkeys(("run", "up", "dev", "deploy"), "serve"),
    **dict.fromkeys(("call", "predict", "request", "send", "curl"), "invoke"),
    **dict.fromkeys(("bench", "benchmark", "stress", "ab", "wrk"), "load"),
    **dict.fromkeys(("build", "package"), "pack"),
    **dict.fromkeys(("new", "scaffold"), "init"),
    **dict.fromkeys(("lint", "validate", "doctor"), "check"),
    **dict.fromkeys(("describe", "inspect", "show"), "desc"),
    **dict.fromkeys(("gdb", "jdb", "pdb"), "debug"),
    **dict.fromkeys(("kubernetes", "k8s", "helm", "template"), "manifest"),
}
"""What other tools call the same."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line *argv*, by default the process's own.

    Returns:
        The exit code: 0 after a clean stop, else that of the `HostError` that ended the host. But only a processor in
        this process lets it return; otherwise the process ends here.
    """
    return run_to_exit_code(lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(argv: Sequence[str]) -> int:
    stdio.reopen_missing()
    word = argv[0] if argv else ""
    if word in COMMANDS:
        return command(COMMANDS[word])(argv[1:])
    if word and not word.startswith("-") and not _may_be_thing(word):
        raise ConfigError(f"{word}: there is no such command or file; {_advice(word)}")
    return command(SERVE)(argv)


def show_help(argv: Sequence[str]) -> int:
    """
    Print the help of the command that *argv* names, or of `eas-host` itself.

    Raises:
        ConfigError: there is no such command.
    """
    word = argv[0] if argv else ""
    if word in ("", "help", "-h", "--help", "--include", "--cflags"):
        return command(SERVE)(["--help"])
    if word not in COMMANDS:
        raise ConfigError(f"{word}: there is no such command; {_advice(word)}")
    return command(COMMANDS[word])([*argv[1:], "--help"])


def command(place: str) -> Callable[[Sequence[str]], int]:
    """
    Import the function of a command. This is done late, so that a command does not load what only another one needs.
    """
    module, _, name = place.partition(":")
    function: Callable[[Sequence[str]], int] = getattr(import_module(module), name)
    return function


def _may_be_thing(word: str) -> bool:
    return any(mark in word for mark in "./:~") or Path(word).exists()


def _advice(word: str) -> str:
    """
    Say what was meant by *word*, which is no command.
    """
    from eas_host.cli.things.unusable import library_meant, program_meant  # noqa: PLC0415  only needed for a mistake
    from eas_host.config.suggestions import near  # noqa: PLC0415

    meant = _OTHER_WORDS.get(word.lower())
    if meant not in COMMANDS:
        meant = near(word, COMMANDS) or program_meant(word) or library_meant(word)
    if meant is None:
        return f"there are {', '.join(COMMANDS)}; see eas-host --help"
    return "did you mean serve? `eas-host app.py` does it, too" if meant == "serve" else f"did you mean {meant}?"
