"""
Where the user wrote something.
"""

from __future__ import annotations

from typing import NamedTuple


class SourcePosition(NamedTuple):
    """
    A position in a file, or an option of the command line.

    Attributes:
        source: the name of the file, or the option, such as `-D token`.
        line: the line in the file, from 1; 0 for an option.
        column: the column in the file, from 1; for an option, which of the options it is.
    """

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def relative_to(self, other: SourcePosition) -> str:
        """
        This position in a message that is about *other*: without the name of the file if both are in one.
        """
        return f"{self.line}:{self.column}" if self.line and self.source == other.source else str(self)

    @property
    def sort_key(self) -> tuple[bool, int, int]:
        """
        Sorts by the order in the file; options of the command line follow.
        """
        return (self.line == 0, self.line, self.column)
