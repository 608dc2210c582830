"""
The commands `eas-host pysdk init DIR` and `eas-host pysdk pack DIR`, for processors in Python. They do what EASCMD's
commands of these names do (docs/eas-compatibility.md, section 9).
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.cli.command_parser import CommandParser
from eas_host.errors import ConfigError
from eas_host.python_env.import_hook import ABI
from eas_host.scaffold import environment, project

_MADE: Final = ("ENV", "app.py", "app.json")


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, or the command fails.
    """
    log.configure("info", "text")
    args = _parser().parse_args(argv)
    folder = Path(args.folder)
    if args.command == "pack":
        _pack(folder)
    elif args.link:
        _link(folder)
    else:
        _init(folder, args.python)
    return 0


def _init(folder: Path, wanted: str | None) -> None:
    """
    Make *folder* with an ENV of the *wanted* Python. If that is None, ask the user if there is a terminal.
    """
    project.check_folder(folder, list(_MADE), "; to renew only the link of an ENV, add --link")
    python = environment.find_python(_ask() if wanted is None else wanted)
    is_new = not folder.exists()
    env = folder / "ENV"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        print(f"[PYSDK] Creating python environment {env} with python {python.facts.version}", flush=True)
        environment.make_environment(python, env, log.warning)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder}: {error.strerror}; name a folder that can be written to"
        ) from error
    finally:
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    files = project.render("pysdk", project.TemplateValues.from_folder(folder))
    print("[PYSDK] Installing python processor example app.py")
    project.write(folder, {"app.py": files["app.py"]})
    print("[PYSDK] Installing python service example app.json")
    project.write(folder, {"app.json": files["app.json"]})
    _warn_of_other_python(python.facts.version, is_compatible=python.can_load_host)
    _print_next_steps(folder, is_compatible=python.can_load_host)


def _link(folder: Path) -> None:
    env = folder / "ENV"
    if not env.is_dir():
        raise ConfigError(f"{folder}: has no ENV to link; make one with `eas-host pysdk init {folder}`")
    facts = environment.link_into(env)
    print(f"[PYSDK] {env}: imports allspark from this host now")
    _warn_of_other_python(facts.version, is_compatible=facts.abi == ABI)


def _pack(folder: Path) -> None:
    # Imported late, since `init` does not need it.
    from eas_host.pack.python_folder import pack_folder  # noqa: PLC0415
    from eas_host.pack.report import report  # noqa: PLC0415

    report(pack_folder(folder))


def _ask() -> str:
    """
    Ask for a version, as EASCMD does; `""` if there is no terminal.
    """
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return ""
    # Not by input(): where it has a terminal it may write the question to standard error.
    print(f"[PYSDK] Please choose your python version [enter for {environment.HOST_PYTHON}]:", end="", flush=True)
    return sys.stdin.readline().strip()


def _warn_of_other_python(version: str, *, is_compatible: bool) -> None:
    """
    Warn of what does not work with an ENV of another Python than the host's.
    """
    if not is_compatible:
        log.warning(
            "ENV is Python %s and this host Python %s: `ENV/bin/python app.py` cannot import allspark here, and"
            " `eas-host test app.json` runs the processor on the host's own Python, without ENV's packages",
            version,
            environment.HOST_PYTHON,
        )


def _print_next_steps(folder: Path, *, is_compatible: bool) -> None:
    print("next:")
    print(f"  cd {shlex.quote(str(folder))}")
    if is_compatible:
        print("  ENV/bin/python app.py")
        print("  curl http://127.0.0.1:8080/test -d '10 20'    # in another terminal")
    else:
        print("  eas-host test app.json")


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host pysdk",
        description="Start a new Python processor, or pack one.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="init|pack", required=True)
    init = commands.add_parser(
        "init",
        help="write a folder with ENV, app.py and app.json",
        description="Write a folder with ENV (a venv that imports allspark from this host), app.py and app.json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    init.add_argument(
        "--python",
        metavar="VERSION|PATH",
        help=f"the Python of ENV, looked for on PATH [{environment.HOST_PYTHON}, the host's own]",
    )
    init.add_argument(
        "--link", action="store_true", help="make nothing, but link the ENV that DIR already has to this host"
    )
    pack = commands.add_parser("pack", help="make DIR.tar.gz", description="Make DIR.tar.gz, with ENV at its root.")
    for command in (init, pack):
        command.add_argument("folder", metavar="DIR")
    pack.set_defaults(link=False, python=None)
    return parser
