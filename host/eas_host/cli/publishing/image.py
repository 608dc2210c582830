"""
The command `eas-host image`: a container image of the host, alone or with a service in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.cli.command_parser import CommandParser
from eas_host.cli.things.thing import DESCRIPTION, find_thing, is_url
from eas_host.config.option_parser import parse_args
from eas_host.errors import ConfigError
from eas_host.image.image_tool import TOOLS, ImageTool
from eas_host.image.reference import is_name, is_reference
from eas_host.image.request import ImageRequest

_EXAMPLES: Final = """\
examples:
  eas-host image -t eas-host                        the host, on Debian, with Python and a JRE
  eas-host image service.json -t scorer:1           a service: its processor and model, and the host
  eas-host image service.json -t registry.example.com/scorer:1 --push
  eas-host image service.json -t scorer:1 --from registry.example.com/eas-host:1
  eas-host image -t eas-host -- --pull --no-cache   what follows -- is for the tool's `build`

Of the service, the image has what is on this machine; what is at URLs is fetched where it runs. Its data_image, if it
names one, is what the host is put on: Debian or Ubuntu with Python 3.10 or later.

Exit codes: 0 built, 1 the tool failed, 2 a wrong argument or description, 3 a file is missing, 130 ended by Ctrl+C.
"""


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        HostError: an argument or the description is wrong, a file is missing, or the tool failed.
    """
    log.configure("info", "text")
    wanted, tool = read_request(argv)
    # Imported late, so that a wrong argument does not wait for pydantic.
    from eas_host.image.build import build_image  # noqa: PLC0415

    made = build_image(wanted, tool)
    log.announce(f"[OK] Built image [{wanted.tag}]: {made}")
    if wanted.push:
        log.announce(f"[OK] Pushing image [{wanted.tag}]")
        tool.push(wanted.tag)
        log.announce(f"[OK] Pushed image [{wanted.tag}]")
    return 0


def read_request(argv: Sequence[str]) -> tuple[ImageRequest, ImageTool]:
    """
    Read which image is wanted, and find the tool that makes it.

    Raises:
        HostError: an argument is wrong, or there is no tool.
    """
    args = parse_args(_parser(), argv)
    wanted = ImageRequest(
        tag=args["tag"],
        description=_description(args["file"]) if "file" in args else None,
        overrides=args.get("overrides", ()),
        base=args.get("from", ""),
        wheel=args.get("wheel"),
        words=args.get("arguments", ()),
        push="push" in args,
    )
    _check(wanted)
    return wanted, ImageTool(args.get("tool"))


def _description(named: str) -> Path:
    """
    Find the description that is *named*.

    Raises:
        ConfigError: it is none.
    """
    thing = find_thing(named, typed=True)
    if thing.kind != DESCRIPTION or is_url(thing.place):
        raise ConfigError(
            f"{named}: is no description on this machine; expected a service.json, which says what is served"
        )
    return Path(thing.place)


def _check(wanted: ImageRequest) -> None:
    if not is_name(wanted.tag):
        raise ConfigError(
            f"--tag: {wanted.tag!r} is no name of an image; expected one in lower case, such as"
            " registry.example.com/scorer:1"
        )
    if wanted.base and not is_reference(wanted.base):
        raise ConfigError(
            f"--from: {wanted.base!r} is no name of an image; expected one such as registry.example.com/eas-host:1"
        )
    if wanted.description is None and wanted.base:
        raise ConfigError("--from: has no use without a service to put on that image; name its service.json")
    if wanted.description is None and wanted.overrides:
        raise ConfigError("-D: changes a description; name a service.json")
    if wanted.wheel is None:
        return
    if wanted.base:
        raise ConfigError("--wheel: has no use with --from, whose image has the host already; drop one of them")
    if not wanted.wheel.is_file():
        raise ConfigError(f"--wheel: {wanted.wheel}: there is no such file")
    if not (wanted.wheel.name.startswith("eas_host-") and wanted.wheel.suffix == ".whl"):
        raise ConfigError(
            f"--wheel: {wanted.wheel}: is no wheel of eas-host; expected one such as"
            " eas_host-1.0-cp310-abi3-linux_x86_64.whl"
        )


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="eas-host image",
        description="Build a container image of the host, alone or with the files of a service.json.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.usage = "%(prog)s [service.json] -t NAME [options] [-- WORD ...]"
    parser.add_argument(
        "file", nargs="?", metavar="service.json", help="the service in it; default: none, only the host"
    )
    parser.add_argument("-t", "--tag", metavar="NAME", required=True, help="the name of the image")
    parser.add_argument("-D", dest="overrides", action="append", metavar="KEY=VALUE", help="override a field")
    parser.add_argument(
        "--from", metavar="IMAGE", help="an image that has the host already; default: the host is made, and cached"
    )
    parser.add_argument(
        "--wheel",
        metavar="FILE",
        type=Path,
        help="the wheel of the host; default: this checkout, or this version on PyPI",
    )
    parser.add_argument("--push", action="store_true", help="push it afterwards, with the login of the tool")
    parser.add_argument(
        "--tool", metavar="TOOL", choices=TOOLS, help="podman, buildah or docker; default: the first there is"
    )
    return parser
