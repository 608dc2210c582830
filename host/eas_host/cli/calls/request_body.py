"""
The body of a request on a command line, with curl's options, and the output of a processor on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eas_host.config.option_parser import OptionParser
from eas_host.errors import ConfigError

SURPLUS: Final = "the body of the request follows -d"


def add_arguments(parser: OptionParser, *, several: bool = False) -> None:
    """
    Have *parser* accept a body, or *several*.
    """
    body = parser.add_mutually_exclusive_group()
    more = "; may be repeated" if several else ""
    body.add_argument(
        *("-d", "--data"),
        action="append" if several else "store",
        metavar="TEXT",
        help=f"the body; @FILE reads it from a file, without its newlines{more}",
    )
    body.add_argument(
        "--data-binary",
        action="append" if several else "store",
        metavar="@FILE",
        help=f"the body as it is in FILE; other text is the body itself{more}",
    )


def read(args: Mapping[str, Any]) -> bytes | None:
    """
    Read the body that *args* name; None if they name none.

    Raises:
        ConfigError: its file cannot be read.
    """
    text: str | None = args.get("data", args.get("data_binary"))
    return None if text is None else _read(text, binary="data_binary" in args)


def read_several(args: Mapping[str, Any]) -> list[bytes]:
    """
    Read the bodies that *args* name.

    Raises:
        ConfigError: the file of one cannot be read.
    """
    return [_read(text, binary="data_binary" in args) for text in args.get("data", args.get("data_binary", ()))]


def _read(text: str, *, binary: bool) -> bytes:
    if not text.startswith("@"):
        return os.fsencode(text)
    try:
        body = Path(text[1:]).read_bytes()
    except OSError as error:
        raise ConfigError(f"{text[1:]}: {error.strerror}; name a file with the body after @") from error
    return body if binary else body.replace(b"\r", b"").replace(b"\n", b"")


def print_output(body: bytes) -> None:
    """
    Print *body*, the output of a processor, as it is; a terminal gets a whole line.
    """
    output = sys.stdout.buffer
    output.write(body)
    if body and not body.endswith(b"\n") and sys.stdout.isatty():
        output.write(b"\n")
    output.flush()
