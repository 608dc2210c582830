"""
The command `eas-host`: serve a processor that flags describe, or run one of the commands, and end with an exit code
that means something.
"""

from __future__ import annotations

import difflib
import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from eas_host import log
from eas_host.cli.options import read_config
from eas_host.errors import ConfigError, HostError
from eas_host.python_env import python_command

COMMANDS: Final = {
    "test": "eas_host.cli.service:test",
    "serve": "eas_host.cli.service:serve",
    "desc": "eas_host.cli.desc:run",
    "schema": "eas_host.cli.schema:run",
    "init": "eas_host.cli.init:run",
    "pack": "eas_host.cli.pack:run",
    "pysdk": "eas_host.cli.pysdk:run",
}
"""Where each command is: a function that takes the words behind its name and returns the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line *argv*, by default the process's own.

    Returns:
        The exit code: 0 after a clean stop, else that of the `HostError` that ended the host.
    """
    return exit_code_of(lambda: _run(sys.argv[1:] if argv is None else argv))


def _run(argv: Sequence[str]) -> int:
    python_command.reopen_missing_stdio()
    if argv and argv[0] in COMMANDS:
        # Imported late: no command pays for what another one needs.
        module, _, name = COMMANDS[argv[0]].partition(":")
        command: Callable[[Sequence[str]], int] = getattr(import_module(module), name)
        return command(argv[1:])
    if argv and not argv[0].startswith("-"):
        near = difflib.get_close_matches(argv[0], COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}; see eas-host --help"
        raise ConfigError(f"{argv[0]}: there is no such command; {hint}")
    config = read_config(argv)
    log.configure(config.log_level, config.log_format)
    # Imported late: --help and a wrong flag answer without loading the event loop and the native module.
    from eas_host.deploy.from_options import prepare_from_options  # noqa: PLC0415
    from eas_host.service.host import run  # noqa: PLC0415

    return run(prepare_from_options(config), lambda: prepare_from_options(read_config(argv)))


def exit_code_of(run: Callable[[], int]) -> int:
    """
    Call *run*; if it raises, say why and return the exit code for it. What it has logged is written then.
    """
    code = _exit_code_of(run)
    if not log.finish():
        # Nobody reads. With --isolation none, threads of the processor may wait in their prints for ever, and both
        # Python and C would wait for these.
        os._exit(code)
    return code


def _exit_code_of(run: Callable[[], int]) -> int:
    try:
        return run()
    except HostError as error:
        _complain(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  a bug of ours: say so, with the trace
        if isinstance(error, BrokenPipeError) and _is_unread():
            return 141  # 128 + SIGPIPE, as shells report it
        log.complain(f"{traceback.format_exc()}eas-host: internal error: {error!r}")
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells report it


def _is_unread() -> bool:
    """
    Tell whether whoever read standard output has gone, as `head` does. Then nothing more is written to it.
    """
    output = select.poll()
    output.register(1, 0)  # POLLERR is told unasked
    if not output.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python itself may complain at its end
    return True


def _complain(error: HostError) -> None:
    """
    Print *error* as one line, below what its detail tells; in the log's form if that is JSON.
    """
    if log.announce.as_json:
        log.error("%s", error.message, extra={"detail": error.detail or None})
        return
    detail = error.detail.rstrip("\n")
    message = " ".join(line.strip() for line in error.message.splitlines())
    log.complain(f"{detail}\neas-host: {message}" if detail else f"eas-host: {message}")
