"""
The errors in a description, reported all at once.

Each step of the reader adds the errors that it finds and continues. So a user who corrects one error does not have to
run the command again to learn of the next one. Messages call an error a mistake: the user made it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.errors import ConfigError

_MAX_LISTED: Final = 50
"""Errors that are listed: two screens. A file with more was probably not meant as JSON."""


class LocatedError(NamedTuple):
    """
    One error; *text* is one line, without the position.
    """

    position: SourcePosition
    text: str

    def __str__(self) -> str:
        return f"{self.position}: {self.text}"


class Errors:
    """
    The errors in one description, which messages call *name*.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: list[LocatedError] = []

    def add(self, position: SourcePosition, text: str) -> None:
        """
        Add an error at *position*.
        """
        self._found.append(LocatedError(position, text))

    def check(self) -> None:
        """
        Report the errors, if there are any.

        Raises:
            ConfigError: there are. A single error is its message; of several, each is a line of its detail.
        """
        found = sorted(dict.fromkeys(self._found), key=lambda error: error.position.sort_key)
        if len(found) == 1:
            raise ConfigError(str(found[0]))
        if found:
            lines = [str(error) for error in found[:_MAX_LISTED]]
            if len(found) > _MAX_LISTED:
                lines.append(f"and {len(found) - _MAX_LISTED} more")
            raise ConfigError(f"{self._name} has {len(found)} mistakes", "\n".join(lines))
