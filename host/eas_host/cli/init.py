"""
The command `eas-host init --type cpp|java|python DIR`: write a new processor, ready to be built, run and packed.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.cli.command_parser import CommandParser
from eas_host.debug import vscode
from eas_host.scaffold import editor, project

TYPES: Final = ("cpp", "java", "python")
_BUILT: Final = ("cpp", "java")
_EPILOG: Final = """\
examples:
  eas-host init --type cpp scorecard && cd scorecard && make && eas-host serve
  eas-host init --type python greeter && eas-host greeter
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        ConfigError: an argument is wrong, or the folder has files of the same names.
    """
    args = _parser().parse_args(argv)
    _write_processor(args.type, Path(args.folder))
    return 0


def _write_processor(kind: str, folder: Path) -> None:
    """
    Write a processor of *kind* into *folder*, and print the next steps.

    Raises:
        ConfigError: it cannot be written there.
    """
    values = project.TemplateValues.from_folder(folder)
    files = project.render(kind, values)
    if kind == "cpp":
        files["include/eas/processor.h"] = project.processor_header()
    files |= vscode.render(vscode.Project(values.name, kind, build=kind in _BUILT))
    files |= editor.render()
    project.check_folder(folder, list(files))
    project.write(folder, files)
    print(f"[OK] {folder}: a {kind} processor, the service {values.name}")
    for name in files:
        print(f"     {name}")
    print("next:")
    print(f"  cd {shlex.quote(str(folder))}")
    if kind in _BUILT:
        print("  make")
    print("  eas-host serve service.json")
    print(f"  curl --data-binary @request.txt http://127.0.0.1:8080/api/predict/{values.name}    # in another terminal")


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host init",
        description="Write a new processor: source, build file, service.json, README, a request, files for VS Code.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--type", required=True, choices=TYPES, help="the processor's language")
    parser.add_argument("folder", metavar="DIR", help="a new folder, or one that has none of these files")
    return parser
