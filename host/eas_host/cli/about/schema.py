"""
The command `eas-host schema`: print the JSON Schema of service descriptions, or have the editor of a folder use it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.cli.command_parser import CommandParser
from eas_host.errors import ConfigError

_ABOUT: Final = "Print the JSON Schema of service descriptions, with which editors complete and check them."
_EXAMPLES: Final = """\
examples:
  eas-host schema --install                       # for VS Code, in this folder: .vscode
  eas-host schema > eas-service.schema.json       # "$schema": "./eas-service.schema.json" in the description names it
"""


def run(argv: Sequence[str]) -> int:
    """
    Print the schema, or install it.

    Raises:
        ConfigError: an argument is wrong, or it cannot be installed.
    """
    parser = CommandParser(
        prog="eas-host schema",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--install", action="store_true", help="write it, and settings of VS Code, into DIR/.vscode")
    parser.add_argument("folder", nargs="?", metavar="DIR", help="the folder of a description; default: this one")
    args = parser.parse_args(argv)
    if args.install:
        return _install(Path(args.folder or "."))
    if args.folder is not None:
        raise ConfigError(
            f"{args.folder}: eas-host schema prints the schema; with --install it writes it into a folder"
        )
    # Imported late, so that a wrong argument does not wait for pydantic.
    from eas_host.description import schema  # noqa: PLC0415

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _install(folder: Path) -> int:
    from eas_host.scaffold import editor  # noqa: PLC0415  as above

    if not folder.is_dir():
        raise ConfigError(f"{folder}: is no folder; name that of a service.json")
    print("\n".join(editor.install(folder)))
    return 0
