"""
The command `eas-host debug`: a processor under gdb, jdb or pdb, as its language says, stopped where a call begins.

`--no-debugger` is the same host without the debugger: what gdb runs, and what an editor starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eas_host import log
from eas_host.cli import target
from eas_host.cli.calls import request_body
from eas_host.cli.target import TargetParser
from eas_host.config.option_parser import parse_args
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.deploy.deployment import Deployment
    from eas_host.front.detached_requests import Outcome

_ABOUT: Final = "Run a processor under a debugger: gdb for C++, jdb for Java, pdb for Python. No call has a deadline."
_EXAMPLES: Final = """\
examples:
  eas-host debug libecho.so -d hello
  eas-host debug service.json                stops when a request comes
  eas-host debug app.py --at initialize
  eas-host debug app.py --vscode             writes .vscode/launch.json and tasks.json for an editor
  eas-host debug app.py --no-debugger        the same host, for a debugger of your own
"""
_NOTES: Final = """\
The debugger stops at the first line of `process`, in your source: when a request comes, or at once with -d. Compile C++
with `-g -O0`; of Java, the sources are looked for beside the jar and in src/main/java above it. One worker calls the
processor in one thread; of a service with several models it is the first one. It listens on a free port, which is
printed, or on --listen. The end of the debugger is the end of all.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command with the arguments *argv*.

    Raises:
        HostError: an argument is wrong, there is no debugger, or the processor cannot be loaded.
    """
    parser = _parser()
    args = parse_args(parser, argv)
    method = args.get("at", "process")
    if method not in ("process", "initialize"):
        raise ConfigError(f"--at: {method!r}: expected process or initialize")
    body = request_body.read(args)
    if "isolation" in args:
        raise ConfigError("--isolation: where the processor runs depends on its debugger; drop it")
    # Imported late, so that a wrong option does not wait for it.
    from eas_host.debug import sessions  # noqa: PLC0415
    from eas_host.debug.deployment import DEFAULTS  # noqa: PLC0415
    from eas_host.debug.host import OwnRequest  # noqa: PLC0415

    own_process = {"isolation": "none"} if {"no_debugger", "vscode"} & args.keys() else {}
    deployment = target.prepare(parser, argv, {**DEFAULTS, **own_process})
    request = None if body is None else OwnRequest(body, _print_answer)
    kind = deployment.processors[0].spec.type
    try:
        if "vscode" in args:
            return _write_vscode(deployment, args, argv)
        if "no_debugger" in args:
            return sessions.run_alone(deployment, request, argv)
        if kind == "cpp":
            return sessions.run_gdb(deployment, argv, method)
        return (sessions.run_jdb if kind == "java" else sessions.run_pdb)(deployment, request, method)
    finally:
        deployment.discard()


def _parser() -> TargetParser:
    parser = target.make_target_parser("debug", _ABOUT, _EXAMPLES, _NOTES)
    parser.usage = "%(prog)s [TARGET] [-d TEXT | --data-binary @FILE] [--at METHOD] [options]"
    parser.surplus = request_body.SURPLUS
    request_body.add_arguments(parser)
    parser.add_argument("--at", metavar="METHOD", help="where to stop: process or initialize, in Java Load [process]")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--vscode", action="store_true", help="write .vscode/launch.json and tasks.json instead")
    other.add_argument("--no-debugger", action="store_true", help="run in one process, for a debugger of your own")
    return parser


def _write_vscode(deployment: Deployment, args: Mapping[str, Any], argv: Sequence[str]) -> int:
    from eas_host.debug import vscode  # noqa: PLC0415  late, as above

    if {"at", "data", "data_binary"} & args.keys():
        raise ConfigError("--vscode: --at, -d and --data-binary are for a debugger in this terminal; drop them")
    folder = target.description_folder(args.get("file")) or Path.cwd()
    here = Path.cwd()
    spec = deployment.processors[0].spec
    project = vscode.Project(
        deployment.name,
        spec.type,
        [word for word in argv if word != "--vscode"],
        "${workspaceFolder}" if folder.absolute() == here else str(here),
        spec.jvm_options,
    )
    for path in vscode.write(folder, project):
        log.announce(f"written: {path}")
    log.announce(f"In VS Code: open {folder.absolute()}, set a breakpoint, press F5")
    return 0


def _print_answer(outcome: Outcome) -> None:
    if outcome.by_processor:
        request_body.print_output(outcome.body)
    else:
        log.print_error(outcome.body.decode("utf-8", "replace"))
    log.print_error(f"status {outcome.status}; {len(outcome.body)} bytes")
