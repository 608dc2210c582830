"""
A JSON document as it is in the file: values with their positions.

The tree is mutable, since `-D` changes it before anything is checked. Keys are kept as the file has them; a key that
the file has twice is here twice, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from eas_host.description.diagnostics.source_position import SourcePosition

MAX_DEPTH: Final = 64
"""Documented keys nest 5 deep, a `model_config` a little more; Python's own stack ends at about 300 of our levels."""


@dataclass
class JsonScalar:
    """
    A text, a number, true, false or null. For anything else, *fault* says what is wrong with it.
    """

    position: SourcePosition
    value: str | float | bool | None
    fault: str = ""


@dataclass
class JsonMember:
    """
    One `"key": value` of an object.
    """

    key: str
    position: SourcePosition
    value: JsonNode


@dataclass
class JsonObject:
    """
    The members between braces.
    """

    position: SourcePosition
    members: list[JsonMember] = field(default_factory=list)

    def get(self, key: str) -> JsonNode | None:
        """
        The value of *key*, in exactly this spelling; None if there is none.
        """
        return next((member.value for member in self.members if member.key == key), None)

    def distinct(self) -> list[JsonMember]:
        """
        The members; of several with the same key, only the first.
        """
        first: dict[str, JsonMember] = {}
        for member in self.members:
            first.setdefault(member.key, member)
        return list(first.values())


@dataclass
class JsonArray:
    """
    The items between brackets.
    """

    position: SourcePosition
    items: list[JsonNode] = field(default_factory=list)


JsonNode: TypeAlias = JsonScalar | JsonObject | JsonArray


def to_python(node: JsonNode) -> Any:  # noqa: ANN401  whatever JSON holds
    """
    Convert *node* to what `json.loads` would return, except that the first of two equal keys counts.
    """
    if isinstance(node, JsonObject):
        return {member.key: to_python(member.value) for member in node.distinct()}
    if isinstance(node, JsonArray):
        return [to_python(item) for item in node.items]
    return node.value


def from_python(value: Any, position: SourcePosition, depth: int = 0) -> JsonNode:  # noqa: ANN401  whatever JSON holds
    """
    Convert *value*, from `json.loads`, to nodes that all have the same *position*.

    Raises:
        ValueError: it is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        members = [JsonMember(key, position, from_python(item, position, depth + 1)) for key, item in value.items()]
        return JsonObject(position, members)
    if isinstance(value, list):
        return JsonArray(position, [from_python(item, position, depth + 1) for item in value])
    return JsonScalar(position, value)
