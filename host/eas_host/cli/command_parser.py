"""
A parser for commands that have arguments of their own and none of the host's options.
"""

from __future__ import annotations

import difflib
import itertools
import re
from typing import Any, NoReturn

from eas_host.config.option_parser import OptionParser
from eas_host.errors import ConfigError


class CommandParser(OptionParser):
    """
    Reports errors as `OptionParser` does; a misspelt option is compared with the options of this command.
    """

    def error(self, message: str) -> NoReturn:
        """
        Raise the error that argparse would print.
        """
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown and unknown[1].startswith("-"):
            raise ConfigError(f"{unknown[1]}: there is no such option; {self._hint(unknown[1], self._options())}")
        if unknown:
            raise ConfigError(f"{unknown[1]}: is an unexpected argument (see {self.prog} --help)")
        choice = re.match(
            r"argument (?P<name>\S+): invalid choice: '(?P<word>.*)' \(choose from (?P<all>.*)\)$", message
        )
        if choice:
            known = re.findall(r"[\w-]+", choice["all"])
            listed = f"{', '.join(known[:-1])} or {known[-1]}"
            near = difflib.get_close_matches(choice["word"].lower(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"{choice['name']}: {choice['word']!r} is unknown; expected {listed}{hint}")
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # noqa: ANN401  as argparse
        """
        Look for misspelt options first, since argparse would first report a missing argument.
        """
        names = [str(arg).partition("=")[0] for arg in args or ()]
        options = itertools.takewhile(lambda name: name != "--", names)
        known = self._option_string_actions
        wrong = next((name for name in options if name.startswith("--") and name not in known), None)
        if wrong and self._subparsers is None:
            self.error(f"unrecognized arguments: {wrong}")
        return super().parse_known_args(args, namespace)

    def _options(self) -> list[str]:
        return [name for name in self._option_string_actions if name.startswith("--")]

    def _hint(self, name: str, known: list[str]) -> str:
        near = difflib.get_close_matches(name.partition("=")[0], known, 1)
        return f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
