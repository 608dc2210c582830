"""
The command `eas-host schema`: print the JSON Schema of service descriptions, for editors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from eas_host.errors import ConfigError

_HELP: Final = """\
usage: eas-host schema

Prints the JSON Schema of service descriptions, with which editors complete and check them:

  eas-host schema > eas-service.schema.json

Name it in the description's first line, "$schema": "./eas-service.schema.json", or in the editor's settings.
"""


def run(argv: Sequence[str]) -> int:
    """
    Print the schema.

    Raises:
        ConfigError: *argv* is not empty.
    """
    if list(argv) in (["-h"], ["--help"]):
        print(_HELP, end="")
        return 0
    if argv:
        raise ConfigError(f"{argv[0]}: eas-host schema takes no arguments; it prints the schema")
    # Imported late, so that a wrong argument does not wait for pydantic.
    from eas_host.description import schema  # noqa: PLC0415

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
