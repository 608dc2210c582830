"""
The command `eas-host upload`: puts a package or a model where pods and other machines can fetch it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.cli.command_parser import CommandParser

_EXAMPLES: Final = """\
examples:
  eas-host upload echo.tar.gz oss://bucket/processors/      as oss://bucket/processors/echo.tar.gz
  eas-host upload ./model s3://bucket/models/7              a folder, with all that is in it

A URL that ends with a slash is the folder for it. The line with the target path has the URL for the service.json.
OSS is reached with OSS_ENDPOINT, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, other buckets as their fsspec package
says.

Exit codes: 0 uploaded, 1 it did not arrive, 2 a wrong argument, 3 there is no such file, 130 ended by Ctrl+C.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument is wrong, or the file did not arrive.
    """
    log.configure("info", "text")
    parser = CommandParser(
        prog="eas-host upload",
        description="Upload a file or a folder to a bucket, for processor_path and model_path.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="a file, or a folder")
    parser.add_argument("url", metavar="URL", help="where to, such as oss://bucket/models/")
    args = parser.parse_args(argv)
    from eas_host.fetch.upload import upload  # noqa: PLC0415  loads asyncio, which a wrong argument need not wait for

    done = upload(args.file, args.url)
    scheme = done.url.partition("://")[0].lower()
    if done.endpoint:
        log.announce(f"[OK] oss endpoint:    [{done.endpoint}]")
    log.announce(f"[OK] {scheme} target path: [{done.url}]")
    log.announce(
        f"Succeed: Total num: {done.files}, size: {done.size:,}. OK num: {done.files}(upload {done.files} files)."
    )
    return 0
