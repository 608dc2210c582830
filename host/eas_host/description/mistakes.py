"""
What is wrong with a description, all of it at once.

Each step of the reader adds what it finds and goes on with the rest, so a user who mends one mistake does not only then
meet the next.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from eas_host.description.nodes import Place
from eas_host.errors import ConfigError

_SHOWN: Final = 40
"""Characters of a wrong value that are shown: enough to find it, short enough for one line."""
_MOST: Final = 50
"""Mistakes that are listed: two screens. A file with more was not meant as JSON at all."""


class Mistake(NamedTuple):
    """
    One mistake; *text* is a line without its place.
    """

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class Mistakes:
    """
    The mistakes of one description, which the user calls *name*.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: list[Mistake] = []

    def add(self, place: Place, text: str) -> None:
        """
        Note that at *place* there is what *text* tells.
        """
        self._found.append(Mistake(place, text))

    def check(self) -> None:
        """
        Go on if there are none.

        Raises:
            ConfigError: with the one mistake as its line, or with one line of detail for each.
        """
        found = sorted(dict.fromkeys(self._found), key=lambda mistake: mistake.place.rank)
        if len(found) == 1:
            raise ConfigError(str(found[0]))
        if found:
            lines = [str(mistake) for mistake in found[:_MOST]]
            if len(found) > _MOST:
                lines.append(f"and {len(found) - _MOST} more")
            raise ConfigError(f"{self._name} has {len(found)} mistakes", "\n".join(lines))


def shown(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Write a wrong *value* as it stands in the file, shortened.
    """
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return shortened(json.dumps(value, ensure_ascii=False))


def shortened(text: str) -> str:
    """
    Cut *text* so that it fits into a line with other words.
    """
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
