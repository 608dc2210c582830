"""
The command `eas-host desc`: what a service description would run, and where each value comes from.

What the description names is downloaded and laid out as for a start, inspected, and removed; no code of the processor
runs. Problems are reported at the end, since a user describes above all a service that does not work.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Final

from eas_host.cli.desc.report import make_report
from eas_host.cli.desc.table import format_table
from eas_host.cli.services import desc_service
from eas_host.cli.target import make_target_parser, open_target
from eas_host.config.option_parser import parse_args
from eas_host.errors import EntryInvalid

_ABOUT: Final = "Say what would run, and where each value comes from; run nothing."
_EXAMPLES: Final = """\
examples:
  eas-host desc                                  service.json in this folder
  eas-host desc service.json -D token=s3cret --json
  eas-host desc scorer --namespace models        a service in a cluster (docs/cluster.md)
"""
_NOTES: Final = """\
The table has a row for each value with its origin in brackets: file:line:column, a flag, a variable, or the default.
--json prints one object instead: name, file, models[] (each value as {"value", "source"}; `resolved`: the files, as
paths in the workspace; `abi`: what they contain and lack), options, storage[], warm_up, notes[] and problems[]. Tokens
are not shown. The Python of a processor is asked which of the modules that its program imports it does not find; code
of the program is not run.
"""
_CODES: Final = """\
Exit codes: 0 it can be served, 2 a wrong option or description, 3 there is a problem.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the description is wrong.
    """
    if desc_service.names_service(argv):
        return desc_service.run(argv)
    parser = make_target_parser("desc", _ABOUT, _EXAMPLES, _NOTES, _CODES)
    parser.serves = False
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    command = open_target(parse_args(parser, argv))
    as_json = "json" in command.args
    description, resolved = command.read()
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        report = make_report(command, description, resolved)
    _print(json.dumps(report, indent=2, ensure_ascii=False) if as_json else "\n".join(format_table(report)))
    return EntryInvalid.exit_code if report["problems"] else 0


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = None  # the reader needs no more, as in `eas-host desc | head`
