"""
The command `eas-host completion SHELL`: print what bash, zsh or fish needs to complete command lines.

The scripts are made of the parsers that the commands themselves use, so that they cannot fall behind. They are static:
no host is started when a key is pressed. The services that run are found by the logs of `--detach`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from eas_host.cli.about import shells
from eas_host.cli.about.shells import CommandWords, Flag
from eas_host.cli.command_parser import CommandParser
from eas_host.cli.main import COMMANDS, SERVE, command
from eas_host.config.host import OPTIONS
from eas_host.config.option_parser import PARSER_WANTED, OptionParser, ParserWanted

_ABOUT: Final = "Print what a shell needs to complete command lines: commands, options, files, services that run."
_EXAMPLES: Final = """\
examples:
  source <(eas-host completion bash)                     # in ~/.bashrc
  source <(eas-host completion zsh)                      # in ~/.zshrc, behind compinit
  eas-host completion fish > ~/.config/fish/completions/eas-host.fish
"""
_FILES: Final = ("FILE", "PATH", "@FILE")
_FOLDER: Final = "DIR"
_URL: Final = "URL"
"""What a command's usage says of its argument, if that may be the URL of a service that runs."""
_WITHOUT_PARSER: Final = ("help", "--include", "--cflags")


_SHELLS: Final = {"bash": shells.write_bash, "zsh": shells.write_zsh, "fish": shells.write_fish}


def run(argv: Sequence[str]) -> int:
    """
    Print the script.

    Raises:
        ConfigError: an argument is wrong.
    """
    parser = CommandParser(
        prog="eas-host completion",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", metavar="SHELL", choices=tuple(_SHELLS), help="bash, zsh or fish")
    shell = parser.parse_args(argv).shell
    print(_SHELLS[shell](_words("", SERVE), [_words(name, place) for name, place in COMMANDS.items()]), end="")
    return 0


def _words(name: str, place: str) -> CommandWords:
    """
    Return what can be typed behind the command *name*, whose function is at *place*.
    """
    if name in _WITHOUT_PARSER:
        return CommandWords(name, "", (), tuple(COMMANDS) if name == "help" else (), takes_files=False)
    try:
        command(place)([PARSER_WANTED])
    except ParserWanted as wanted:
        return _words_of(name, wanted.parser)
    return CommandWords(name, "", (), (), takes_files=True)


def _words_of(name: str, parser: OptionParser) -> CommandWords:
    flags: list[Flag] = []
    words: list[str] = []
    for action in parser.actions():
        words += [] if action.option_strings or not action.choices else map(str, action.choices)
        if not action.option_strings:
            continue
        metavar = str(action.metavar or "")
        chosen = OPTIONS[action.dest].choices if action.dest in OPTIONS else tuple(map(str, action.choices or ()))
        flags.append(
            Flag(
                names=tuple(action.option_strings),
                about=(action.help or "").replace("%%", "%"),
                value="" if action.nargs == 0 else metavar or action.dest.upper(),
                choices=() if action.nargs == 0 else chosen,
                files=any(part in _FILES for part in metavar.split("|")),
                folders=metavar == _FOLDER,
            )
        )
    return CommandWords(
        name,
        (parser.description or "").partition(". ")[0],
        tuple(flags),
        tuple(words),
        takes_files=all(action.metavar != _URL for action in parser.actions()),
        takes_services=_URL in parser.format_usage(),
    )
