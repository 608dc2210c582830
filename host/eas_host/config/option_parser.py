"""
The parser of the options on a command line.

It is generated from the fields of `HostConfig`, so that an option is spelled once. Its result is text; `resolution`
converts it to values.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from eas_host.config.host import FILES, LOGGING, MODEL, OPTIONS, PROCESSOR, SERVING, WORKERS, HostConfig, flag
from eas_host.errors import ConfigError

_TITLES: Final = {
    PROCESSOR: "the processor",
    MODEL: "its model",
    SERVING: "serving",
    WORKERS: "workers",
    FILES: "files",
    LOGGING: "logging",
}


class OptionParser(argparse.ArgumentParser):
    """
    A parser whose errors are `ConfigError`s of one line, with the closest known flag for a misspelt one.
    """

    def error(self, message: str) -> NoReturn:
        """
        Raise the error that argparse would print.
        """
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown and not unknown[1].startswith("-"):
            raise ConfigError(f"{unknown[1]}: is an unexpected argument (see {self.prog} --help)")
        if unknown:
            name = unknown[1].partition("=")[0]  # what follows may be a token
            near = difflib.get_close_matches(name, [flag(option) for option in OPTIONS], 1)
            hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
            raise ConfigError(f"{name}: there is no such option; {hint}")
        message = re.sub(r"^argument (\S+): ", r"\1: ", message)
        raise ConfigError(f"{message} (see {self.prog} --help)")


def make_parser(prog: str, description: str, epilog: str) -> OptionParser:
    """
    Make a parser that knows all options. A command may add arguments of its own.
    """
    parser = OptionParser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    groups = {group: parser.add_argument_group(title) for group, title in _TITLES.items()}
    for name, option in OPTIONS.items():
        group = groups[option.group]
        default = getattr(HostConfig, name)
        if isinstance(default, bool):
            group.add_argument(flag(name), action="store_true", help=option.help)
        else:
            group.add_argument(
                flag(name),
                metavar=option.metavar,
                action="append" if option.repeated else "store",
                help=option.help + _default_text(default),
            )
    return parser


def parse_args(parser: OptionParser, argv: Sequence[str]) -> dict[str, Any]:
    """
    Split *argv* into the arguments that it has, by their names. The values of options are text. The words behind `--`
    are the `arguments` of a Python program.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    args = vars(parser.parse_args(_attach_values(argv[:end])))
    return {**args, "arguments": tuple(argv[end + 1 :])} if argv[end + 1 :] else args


def _attach_values(argv: Sequence[str]) -> list[str]:
    """
    Write `--flag VALUE` as `--flag=VALUE` if the value begins with a dash, since argparse would take `-Xmx2g` for a
    flag.
    """
    takes_value = {flag(name): not isinstance(getattr(HostConfig, name), bool) for name in OPTIONS}
    attached: list[str] = []
    for word in argv:
        is_value = word.startswith("-") and word.partition("=")[0] not in takes_value
        if attached and takes_value.get(attached[-1]) and is_value:
            attached[-1] += f"={word}"
        else:
            attached.append(word)
    return attached


def _default_text(default: object) -> str:
    if default in (None, "", ()):
        return ""
    if isinstance(default, tuple):
        default = f"{default[0]}:{default[1]}"
    elif isinstance(default, int) and default >= 2**20 and default % 2**20 == 0:
        default = f"{default // 2**20}MiB"
    elif isinstance(default, float):
        default = f"{default:g}"
    return f" [{default}]"
