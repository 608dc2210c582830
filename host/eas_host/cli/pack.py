"""
The command `eas-host pack`: pack a C++ or Java processor with the libraries that it needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.cli.command_parser import CommandParser
from eas_host.cli.things import unusable
from eas_host.cli.things.thing import PACKAGE, find_thing, is_url
from eas_host.errors import ConfigError
from eas_host.make_spec import split_class
from eas_host.pack.processor import TYPES, pack_processor
from eas_host.pack.report import report_processor

_EXAMPLES: Final = """\
examples:
  eas-host pack build/libecho.so     echo.tar.gz beside it, with the libraries that it needs
  eas-host pack echo.jar             with the jars that its manifest names
  eas-host pack echo.jar --classpath lib/    and with those in lib/
  eas-host pack build/ -o echo.tar.gz
  eas-host pack service.json         the processor that it describes

A folder is packed with all that is in it, but for what its .easignore names.
For a processor in Python, see eas-host pysdk pack.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, or the processor cannot be packed.
    """
    log.configure("info", "text")
    args = _parser().parse_args(argv)
    named, kind = args.entry, args.type
    if named.suffix == ".json" and named.is_file():
        # Imported late: reading descriptions loads pydantic, which takes half of this command's time.
        from eas_host.pack.from_description import processor_of  # noqa: PLC0415

        named, described = processor_of(named)
        kind = kind or described
    done = pack_processor(named, kind, args.output, classpath=args.classpath, dry_run=args.dry_run)
    report_processor(done)
    return 0


def _path(text: str) -> Path:
    """
    Read ENTRY.

    Raises:
        ConfigError: it is nothing that can be packed.
    """
    if is_url(text):
        raise unusable.elsewhere(text)
    path = Path(split_class(text)[0])
    if path.is_file() and (source := unusable.source(text, path)) is not None:
        raise source
    if path.is_file() and find_thing(text, typed=True).kind == PACKAGE:
        raise ConfigError(f"{text}: is packed already")
    return path


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host pack",
        description="Pack a C++ or Java processor with the libraries that it needs, and say what was taken.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "entry", metavar="ENTRY", type=_path, help="a .so, a .jar or .war, a folder with either, or a service.json"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the archive [NAME.tar.gz beside ENTRY]")
    parser.add_argument(
        "--classpath",
        metavar="PATH",
        type=Path,
        action="append",
        default=[],
        help="Java: a further jar, or a folder of jars; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be packed and left out; write nothing")
    parser.add_argument("--type", metavar="TYPE", choices=TYPES, help="cpp or java, where a folder holds both")
    return parser
