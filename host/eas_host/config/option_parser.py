"""
The parser of the options on a command line.

It is generated from the fields of `HostConfig`, so that an option is spelled once; short forms that other tools have
taught people are beside them. Its result is text; `resolution` converts it to values.

`--help` has what is special about a command, and the options that are used most; `--help-all` has all.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NoReturn

from eas_host.config.declaration import FILES, LOGGING, MODEL, PROCESSOR, SERVING, WORKERS
from eas_host.config.host import OPTIONS, HostConfig, flag
from eas_host.errors import ConfigError

_TITLES: Final = {
    PROCESSOR: "the processor",
    MODEL: "its model",
    SERVING: "serving",
    WORKERS: "workers",
    FILES: "files",
    LOGGING: "logging",
}
_MOST_USED: Final = frozenset({"name", "model_entry", "worker_threads", "env_file", "log_level"})
"""The options that `--help` lists; some have several flags."""
_MOST_USED_TO_SERVE: Final = frozenset(
    {"listen", "host", "port", "token", "keepalive", "worker_processes", "reload", *_MOST_USED}
)
_SHORT: Final = {"worker_processes": ("--workers",)}
"""Other names of options."""
_BESIDE: Final[Mapping[str, Sequence[tuple[tuple[str, ...], Mapping[str, Any]]]]] = {
    "listen": (
        (("--host",), {"metavar": "H", "help": "the host of --listen; 0.0.0.0 for all of this machine"}),
        (("--port",), {"metavar": "N", "help": "the port of --listen"}),
    ),
    "workspace": (
        (
            ("--env-file",),
            {
                "metavar": "FILE",
                "action": "append",
                "help": "lines KEY=VALUE: variables for the host and its workers; those that are set already win",
            },
        ),
    ),
    "log_level": tuple(
        (
            flags,
            {
                "dest": "log_level",
                "action": "store_const",
                "const": level,
                "help": f"the same as --log-level {level}",
            },
        )
        for flags, level in ((("-v", "--verbose", "--debug"), "debug"), (("-q", "--quiet"), "warning"))
    ),
}
"""Flags that stand beside an option and are none: they set a part of it, or one value, or variables."""
_LAST: Final = ("help", "help_all", "version")
SETTINGS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "argument_default": argparse.SUPPRESS,
        "allow_abbrev": False,
        "add_help": False,
    }
)
"""What the constructor of a parser with all options gets."""
PARSER_WANTED: Final = "--parser-wanted"
"""The argument with which a command does nothing but raise `ParserWanted`."""
_BOLD: Final = "\033[1m"
_CYAN: Final = "\033[36m"
_PLAIN: Final = "\033[0m"


class OptionParser(argparse.ArgumentParser):
    """
    A parser whose errors are `ConfigError`s of one line, with the closest known flag for a misspelt one.

    Attributes:
        examples: command lines that `--help` shows, each with what it does.
        notes: what `--help-all` explains beside the options.
        codes: the exit codes.
        serves: whether the command has a port.
        shared: the options that all commands which load a processor have, by the title of their group.
    """

    examples = ""
    notes = ""
    codes = ""
    serves = True
    shared: Mapping[str, Sequence[argparse.Action]] = MappingProxyType({})

    def __init__(self, **more: Any) -> None:  # noqa: ANN401  as argparse
        super().__init__(**more)
        self.color = False  # of Python 3.14, which would colour more

    def error(self, message: str) -> NoReturn:
        """
        Raise the error that argparse would print.
        """
        unknown = re.match(r"unrecognized arguments: (.*)", message, re.DOTALL)
        if unknown:
            words = unknown[1].split(" ")
            name = next((word for word in words if re.match(r"--?\w", word)), words[0])
            raise ConfigError(self.explain_unknown(name))
        # As `-v/--verbose`, or `--workers`.
        message = re.sub(r"^argument (\S+?)(?:/\S+)*(?: [A-Z]\S*)?: ", r"\1: ", message)
        message = re.sub(r"ignored explicit argument .*", "takes no value; write it alone", message)
        raise ConfigError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # noqa: ANN401  as argparse
        """
        Parse *args*, unless the parser itself is asked for.

        Raises:
            ParserWanted: it is.
        """
        if args and args[0] == PARSER_WANTED:
            raise ParserWanted(self)
        return super().parse_known_args(args, namespace)

    def explain_unknown(self, word: str) -> str:
        """
        Say that there is no option *word*, or that nothing takes an argument *word*, and what to do.
        """
        name = word.partition("=")[0]  # what follows may be a token
        if not word.startswith("-"):
            return f"{word}: is an unexpected argument (see {self.prog} --help)"
        near = self.nearest(name)
        hint = f"did you mean {near}?" if near else f"see {self.prog} --help"
        return f"{name}: there is no such option; {hint}"

    def nearest(self, name: str) -> str | None:
        """
        Return the option that *name* is near to, if there is one.
        """
        from eas_host.config.suggestions import near  # noqa: PLC0415  most command lines are right

        return near(name, self.long_flags())

    def actions(self) -> list[argparse.Action]:
        """
        Return all arguments that the parser accepts.
        """
        return list(self._actions)

    def long_flags(self) -> list[str]:
        """
        Return all flags that begin with two dashes.
        """
        return [name for name in self._option_string_actions if name.startswith("--")]

    def format_help(self) -> str:
        """
        Make the text of `--help`: what is special about the command, examples, and the options that are used most.
        """
        if not self.shared:
            return super().format_help()
        title = f"most used options; {self.prog} --help-all lists all"
        names = _MOST_USED_TO_SERVE if self.serves else _MOST_USED
        used = [action for actions in self.shared.values() for action in actions if action.dest in names]
        return self._format({title: used}, self.codes)

    def print_help(self, file: Any = None) -> None:  # noqa: ANN401  as argparse
        """
        Print the text of `--help`.
        """
        print(_coloured(self.format_help()), end="", file=file)

    def print_help_all(self) -> None:
        """
        Print the text of `--help-all`: all options, in their groups.
        """
        print(_coloured(self._format(self.shared, self.notes, self.codes)), end="")

    def _format(self, sections: Mapping[str, Sequence[argparse.Action]], *texts: str) -> str:
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        shared = {action for actions in self.shared.values() for action in actions}
        own = [action for action in self._actions if action not in shared]
        own.sort(key=lambda action: (bool(action.option_strings), action.dest in _LAST))
        for title, actions in {"options": own, **sections}.items():
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
            if actions is own:
                formatter.add_text(self.examples)
        for text in texts:
            formatter.add_text(text)
        return formatter.format_help()


class ParserWanted(Exception):
    """
    Carries the parser of a command to who has called the command with `PARSER_WANTED`: a shell's completion is made of
    the parsers, and only a command can make its own.
    """

    def __init__(self, parser: OptionParser) -> None:
        super().__init__()
        self.parser = parser


class _HelpAll(argparse.Action):
    """
    Prints all options, and ends.
    """

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        assert isinstance(parser, OptionParser)  # for mypy  # noqa: S101
        parser.print_help_all()
        parser.exit()


def _coloured(text: str) -> str:
    """
    Return *text*, with headings and names of options in colour where standard output is a terminal, unless `NO_COLOR`
    is set (no-color.org).
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return text
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    text = re.sub(r"^(usage:|\S.*:$)", rf"{_BOLD}\1{_PLAIN}", text, flags=re.MULTILINE)
    return re.sub(r"^  -\S.*?(?=  |$)", _coloured_flags, text, flags=re.MULTILINE)


def _coloured_flags(flags: re.Match[str]) -> str:
    return re.sub(r"(?<![\w-])--?[A-Za-z][\w-]*", rf"{_CYAN}\g<0>{_PLAIN}", flags[0])


def make_parser(prog: str, about: str, examples: str = "") -> OptionParser:
    """
    Make a parser that knows all options. A command may add arguments of its own.
    """
    parser = OptionParser(prog=prog, description=about, **SETTINGS)
    parser.examples = examples
    add_options(parser)
    return parser


def add_options(parser: OptionParser) -> None:
    """
    Have *parser*, which was made with `SETTINGS`, accept all options, `--help` and `--help-all`.
    """
    parser.add_argument("-h", "--help", action="help", help="show this help")
    parser.add_argument("--help-all", action=_HelpAll, nargs=0, help="show all options")
    shared: dict[str, list[argparse.Action]] = {title: [] for title in _TITLES.values()}
    for name, option in OPTIONS.items():
        default = getattr(HostConfig, name)
        more: dict[str, Any] = {"help": option.help + ("" if isinstance(default, bool) else _default_text(default))}
        if isinstance(default, bool):
            more["action"] = "store_true"
        else:
            more |= {"action": "append" if option.repeated else "store", "metavar": option.metavar}
        actions = shared[_TITLES[option.group]]
        actions.append(parser.add_argument(flag(name), *_SHORT.get(name, ()), **more))
        actions += [parser.add_argument(*flags, **rest) for flags, rest in _BESIDE.get(name, ())]
    parser.shared = shared


def parse_args(parser: OptionParser, argv: Sequence[str]) -> dict[str, Any]:
    """
    Split *argv* into the arguments that it has, by their names. The values of options are text. The words behind `--`
    are the `arguments` of a Python program.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    words = _attach_values(argv[:end])
    known = parser.long_flags()
    for word in words:
        name = word.partition("=")[0]
        if re.match(r"-\w{2}", name) and f"-{name}" in known:  # else `-data` would be -d with the value `ata`
            raise ConfigError(f"{name}: has one dash; write -{name}")
    args = vars(parser.parse_args(words))
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
