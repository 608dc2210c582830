"""
What the commands on a thing have in common: their TARGET, which names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from eas_host.cli.things import unusable
from eas_host.cli.things.description_command import DescriptionCommand
from eas_host.cli.things.processor_command import ProcessorCommand
from eas_host.cli.things.start_log import start_log
from eas_host.cli.things.thing import DESCRIPTION, PROCESSOR, find_description, find_thing
from eas_host.config.host import variable
from eas_host.config.option_parser import SETTINGS, OptionParser, add_options, parse_args
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError

if TYPE_CHECKING:
    from eas_host.deploy.deployment import Deployment

TARGET_HELP: Final = (
    "a .so, .jar or .py (or .py:Class), a folder, a service.json, a package, or the URL of one of the last two"
)
_PROGRAM: Final = "eas-host"
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class TargetParser(OptionParser):
    """
    The parser of a command on a target.

    Attributes:
        surplus: where further words belong.
    """

    surplus = "arguments of a Python program follow --"
    _words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # noqa: ANN401  as argparse
        """
        Keep the words, for errors.
        """
        self._words = args or ()
        return super().parse_known_args(args, namespace)

    def explain_unknown(self, word: str) -> str:
        """
        Explain also what stands at the wrong place.
        """
        if not word.startswith("-") and self.prog == _PROGRAM and (command := self._misplaced_command()):
            return _command_first(command)
        if word.startswith("-"):
            near = self.nearest(word.partition("=")[0])
            return super().explain_unknown(word) + ("" if near else f"; {self.surplus}")
        return f"{super().explain_unknown(word)}; {self.surplus}"

    def _misplaced_command(self) -> str | None:
        """
        Return the command among the words, if there is one that is no value of an option.
        """
        before = ""
        for word in self._words:
            option = self._option_string_actions.get(before)
            if _is_command(word) and (option is None or option.nargs == 0):
                return word
            before = word
        return None


def make_target_parser(name: str, about: str, examples: str, notes: str = "", codes: str = "") -> TargetParser:
    """
    Make the parser of a command on a target. It accepts the target, `-D` and all options. *name* is that of the
    command, *about* what it does; *examples*, *notes* and *codes* are as in `OptionParser`.
    """
    parser = TargetParser(prog=f"{_PROGRAM} {name}".strip(), description=about, **SETTINGS)
    parser.examples, parser.notes, parser.codes = examples, notes, codes
    add_options(parser)
    parser.usage = "%(prog)s [TARGET] [options] [-- ARGUMENT ...]"
    default = "; default: the service.json or app.json in this folder" if name else ""
    parser.add_argument("file", nargs="?", metavar="TARGET", help=TARGET_HELP + default)
    parser.add_argument(
        "-D", dest="overrides", action="append", metavar="KEY=VALUE", help="override a field of a service.json"
    )
    return parser


def open_target(
    args: Mapping[str, Any], defaults: Mapping[str, Any] = _NONE, *, from_folder: bool = True
) -> DescriptionCommand | ProcessorCommand:
    """
    Find out what *args* name. *defaults* replace defaults of `HostConfig`. *from_folder*: the description in the
    working directory is meant if nothing is named.

    Raises:
        HostError: it is nothing that can be served, or an argument is wrong.
    """
    start_log(resolve_options(args).config)  # before anything is wrong, since it says in which form
    named = args.get("file")
    if named is None and not (from_folder and find_description(Path())):
        if _has("entry", args):
            return ProcessorCommand(args, None, defaults)
        if not from_folder:
            raise unusable.nothing_named(find_description(Path()))
    if named is not None and _is_command(named) and not Path(named).exists():
        raise ConfigError(_command_first(named))
    thing = find_thing(named, typed=_has("processor_type", args))
    if thing.kind == PROCESSOR:
        return ProcessorCommand(args, thing, defaults)
    return DescriptionCommand(args, thing, defaults)


def prepare(parser: OptionParser, argv: Sequence[str], defaults: Mapping[str, Any]) -> Deployment:
    """
    Make the deployment of the target that *argv* names. *defaults* replace defaults of `HostConfig`.

    Raises:
        HostError: an argument or the description is wrong, or the target cannot be used.
    """
    return open_target(parse_args(parser, argv), defaults).read_and_prepare()


def description_folder(named: str | None) -> Path | None:
    """
    Return the folder of the description that the target *named* is; None if it is anything else.
    """
    if named is None and not find_description(Path()):
        return None
    if named is not None and _is_command(named) and not Path(named).exists():
        raise ConfigError(_command_first(named))
    thing = find_thing(named, typed=True)
    return Path(thing.place).parent if thing.kind == DESCRIPTION and "://" not in thing.place else None


def _is_command(word: str) -> bool:
    from eas_host.cli.main import COMMANDS  # noqa: PLC0415  only needed for a word that may be misplaced

    return word in COMMANDS


def _command_first(word: str) -> str:
    return f"{word}: is a command, which comes first: {_PROGRAM} {word} TARGET [options]"


def _has(name: str, args: Mapping[str, Any]) -> bool:
    """
    Tell whether the user has set the option *name*.
    """
    return name in args or variable(name) in os.environ
