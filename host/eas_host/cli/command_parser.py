"""
A parser for commands that have arguments of their own and none of the host's options.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, NoReturn

from eas_host.config.option_parser import PARSER_WANTED, OptionParser
from eas_host.errors import ConfigError


class CommandParser(OptionParser):
    """
    Reports errors as `OptionParser` does.
    """

    def error(self, message: str) -> NoReturn:
        """
        Raise the error that argparse would print.
        """
        choice = re.match(
            r"argument (?P<name>\S+): invalid choice: '(?P<word>.*)' \(choose from (?P<all>.*)\)$", message
        )
        if choice:
            from eas_host.config.suggestions import near  # noqa: PLC0415  only needed for a mistake

            known = re.findall(r"[\w-]+", choice["all"])
            listed = f"{', '.join(known[:-1])} or {known[-1]}"
            meant = near(choice["word"], known)
            hint = f"; did you mean {meant}?" if meant else ""
            raise ConfigError(f"{choice['name']}: {choice['word']!r} is unknown; expected {listed}{hint}")
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # noqa: ANN401  as argparse
        """
        Look for misspelt options first, since argparse would first report a missing argument.
        """
        names = [str(arg).partition("=")[0] for arg in args or ()]
        options = itertools.takewhile(lambda name: name != "--", names)
        known = {*self._option_string_actions, PARSER_WANTED}
        wrong = next((name for name in options if name.startswith("--") and name not in known), None)
        if wrong and self._subparsers is None:
            self.error(f"unrecognized arguments: {wrong}")
        return super().parse_known_args(args, namespace)
