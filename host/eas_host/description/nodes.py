"""
A JSON document as it stands in its file: values that know their place.

The tree is mutable, since `-D` edits it before anything is checked. Keys stay as they are written here, twice if they
are written twice; what they mean is known to keys.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

MAX_DEPTH: Final = 64
"""Documented keys nest 5 deep, a `model_config` a little more; Python's own stack ends at about 300 of our levels."""


class Place(NamedTuple):
    """
    Where something was said: a file with line and column, both from 1; or an option of the command line, of line 0 and
    with its number as the column.
    """

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def beside(self, other: Place) -> str:
        """
        Name this place to a reader who knows *other*: `4:13` where both are in one file.
        """
        return f"{self.line}:{self.column}" if self.line and self.source == other.source else str(self)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """
        What to sort by: the order of the file, then what the command line added.
        """
        return (self.line == 0, self.line, self.column)


@dataclass
class Scalar:
    """
    A text, a number, true, false or null. *wrong* tells, where it is none of them, what is the matter.
    """

    place: Place
    value: str | float | bool | None
    wrong: str = ""


@dataclass
class Member:
    """
    One `"key": value` of an object.
    """

    key: str
    place: Place
    value: Node


@dataclass
class Object:
    """
    What stands in braces.
    """

    place: Place
    members: list[Member] = field(default_factory=list)

    def get(self, key: str) -> Node | None:
        """
        The value of *key* as it is written, if it is there.
        """
        return next((member.value for member in self.members if member.key == key), None)

    def distinct(self) -> list[Member]:
        """
        The members without those whose key was there before.
        """
        first: dict[str, Member] = {}
        for member in self.members:
            first.setdefault(member.key, member)
        return list(first.values())


@dataclass
class Array:
    """
    What stands in brackets.
    """

    place: Place
    items: list[Node] = field(default_factory=list)


Node: TypeAlias = Scalar | Object | Array


def plain(node: Node) -> Any:  # noqa: ANN401  whatever JSON holds
    """
    Make *node* what `json.loads` would make of it. The first of two equal keys counts.
    """
    if isinstance(node, Object):
        return {member.key: plain(member.value) for member in node.distinct()}
    if isinstance(node, Array):
        return [plain(item) for item in node.items]
    return node.value


def planted(value: Any, place: Place, depth: int = 0) -> Node:  # noqa: ANN401  whatever JSON holds
    """
    Make nodes of a plain *value*, all of them at *place*.

    Raises:
        ValueError: it is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        return Object(place, [Member(key, place, planted(item, place, depth + 1)) for key, item in value.items()])
    if isinstance(value, list):
        return Array(place, [planted(item, place, depth + 1) for item in value])
    return Scalar(place, value)
