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
from eas_host.deploy.python import installed
from eas_host.errors import ConfigError
from eas_host.scaffold import environment, project

_EXAMPLES: Final = """\
examples:
  eas-host pysdk init scorer --python 3.11 && eas-host test scorer
  eas-host pysdk pack scorer
"""
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
        _pack(folder, dry_run=args.dry_run)
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
    python, facts = installed.find(_ask() if wanted is None else wanted)
    is_new = not folder.exists()
    env = folder / "ENV"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        print(f"[PYSDK] Creating python environment {env} with python {facts.version}", flush=True)
        environment.make_environment(python, facts.version, env, log.warning)
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
    print("next:")
    print(f"  cd {shlex.quote(str(folder))}")
    print("  ENV/bin/python app.py")
    print("  curl http://127.0.0.1:8080/test -d '10 20'    # in another terminal")


def _link(folder: Path) -> None:
    env = folder / "ENV"
    if not env.is_dir():
        raise ConfigError(f"{folder}: has no ENV to link; make one with `eas-host pysdk init {folder}`")
    facts = environment.link_into(env)
    print(f"[PYSDK] {env}: Python {facts.version} imports allspark from this host now")


def _pack(folder: Path, *, dry_run: bool) -> None:
    # Imported late, since `init` does not need it.
    from eas_host.pack.python_folder import pack_folder  # noqa: PLC0415
    from eas_host.pack.report import report  # noqa: PLC0415

    report(pack_folder(folder, dry_run=dry_run))


def _ask() -> str:
    """
    Ask for one of the versions that are installed, as EASCMD does; `""` if there is no terminal.
    """
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return ""
    found = [f"{major}.{minor}" for major, minor in installed.releases()]
    print(f"[PYSDK] Found python {', '.join(found)}")
    # Not by input(): where it has a terminal it may write the question to standard error.
    print(f"[PYSDK] Please choose your python version [enter for {found[-1]}]:", end="", flush=True)
    return sys.stdin.readline().strip() or found[-1]


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host pysdk",
        description="Start a new Python processor, or pack one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
        help="the Python of ENV, on PATH, of pyenv, conda or uv, or in /opt [the host's own]",
    )
    init.add_argument(
        "--link", action="store_true", help="make nothing, but link the ENV that DIR already has to this host"
    )
    pack = commands.add_parser("pack", help="make DIR.tar.gz", description="Make DIR.tar.gz, with ENV at its root.")
    pack.add_argument("--dry-run", action="store_true", help="say what would be packed and left out; write nothing")
    for command in (init, pack):
        command.add_argument("folder", metavar="DIR")
    pack.set_defaults(link=False, python=None)
    return parser
