"""
A parser for commands that have words of their own and none of the host's options.
"""

from __future__ import annotations

import difflib
import itertools
import re
from typing import Any, NoReturn

from eas_host.cli.options import Parser
from eas_host.errors import ConfigError


class CommandParser(Parser):
    """
    Complains as `Parser` does, but knows its own options only.
    """

    def error(self, message: str) -> NoReturn:
        """
        Raise what argparse would print.
        """
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown and unknown[1].startswith("-"):
            raise ConfigError(f"{unknown[1]}: there is no such option; {self._hint(unknown[1], self._options())}")
        if unknown:
            raise ConfigError(f"{unknown[1]}: is one word too many (see {self.prog} --help)")
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
        Look for misspelt options first: argparse would complain of what is missing instead.
        """
        words = [str(word).partition("=")[0] for word in args or ()]
        options = itertools.takewhile(lambda word: word != "--", words)
        known = self._option_string_actions
        wrong = next((word for word in options if word.startswith("--") and word not in known), None)
        if wrong and self._subparsers is None:
            self.error(f"unrecognized arguments: {wrong}")
        return super().parse_known_args(args, namespace)

    def _options(self) -> list[str]:
        return [name for name in self._option_string_actions if name.startswith("--")]

    def _hint(self, word: str, known: list[str]) -> str:
        near = difflib.get_close_matches(word.partition("=")[0], known, 1)
        return f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
