"""
The program `eas-host`: it runs the command that its first argument names, or serves the processor that flags describe.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Final

from eas_host import log
from eas_host.cli import detach
from eas_host.cli.options import read_command_line, read_config
from eas_host.config import HostConfig
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
    "schema": "eas_host.cli.schema:run",
    "init": "eas_host.cli.init:run",
    "pack": "eas_host.cli.pack:run",
    "pysdk": "eas_host.cli.pysdk:run",
    "wait": "eas_host.cli.wait:run",
    "--wait": "eas_host.cli.wait:run",
}
"""Where the function of each command is. It gets the arguments behind the name and returns the exit code."""


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
    if argv and argv[0] in COMMANDS:
        # Imported late, so that a command does not load what only another one needs.
        module, _, name = COMMANDS[argv[0]].partition(":")
        command: Callable[[Sequence[str]], int] = getattr(import_module(module), name)
        return command(argv[1:])
    if argv and not argv[0].startswith("-"):
        import difflib  # noqa: PLC0415  as above

        near = difflib.get_close_matches(argv[0], COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}; see eas-host --help"
        raise ConfigError(f"{argv[0]}: there is no such command; {hint}")
    config, detached = read_command_line(argv)
    log.configure(config.log_level, config.log_format)
    serve = partial(_serve, argv, config)
    return detach.run_detached(config, serve) if detached else serve()


def _serve(argv: Sequence[str], config: HostConfig, on_started: detach.Started | None = None) -> int:
    gc.disable()  # imports make much that stays, and no garbage: to look for that takes 10 ms
    # Imported late, so that --help and a wrong flag do not wait for the event loop and the native module.
    from eas_host.deploy.from_options import prepare_from_options  # noqa: PLC0415
    from eas_host.service.host import run  # noqa: PLC0415

    gc.enable()
    return run(prepare_from_options(config), lambda: prepare_from_options(read_config(argv)), on_started=on_started)
