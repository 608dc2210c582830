"""
`-D KEY=VALUE` changes the tree of a description before anything in it is checked.

The key may have any spelling that it may have in the file, with an index for an item of a list:
`models[0].model_path`. All spellings of the key are removed from the tree, so a wrong value that is overridden is not
reported. The value is JSON if it can be parsed as JSON, and text otherwise; an empty value removes the key.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from eas_host.description.diagnostics.diagnostics import Diagnostics
from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.description.keys.declaration import Definition
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.key_index import IndexedKey, KeyIndex, index_keys
from eas_host.description.syntax.json_tree import JsonArray, JsonMember, JsonNode, JsonObject, from_python

_INDEXED: Final = re.compile(r"(?P<list>[^\[\]]+)\[(?P<index>[0-9]{1,6})\](?:\.(?P<rest>.+))?")


def apply_overrides(root: JsonObject, overrides: list[str], diagnostics: Diagnostics) -> None:
    """
    Apply the *overrides*, each `KEY=VALUE`, to *root*, in order.
    """
    for number, override in enumerate(overrides):
        key, equals, text = override.partition("=")
        key = key.strip()
        position = SourcePosition(f"-D {key}", column=number)
        if not equals or not key:
            diagnostics.errors.add(position, "expected -D KEY=VALUE, such as -D metadata.rpc.keepalive=10000")
            continue
        try:
            _apply(root, ServiceDefinition, key, text, position)
        except ValueError as error:
            diagnostics.errors.add(position, str(error))


def _apply(node: JsonObject, definition: type[Definition], key: str, text: str, position: SourcePosition) -> None:
    key_index = index_keys(definition)
    indexed = _INDEXED.fullmatch(key)
    if indexed is None:
        if "[" in key or "]" in key:
            raise ValueError("not a valid key; expected one such as models[0].model_path")
        name = key_index.canonical_names.get(key, key)
        _remove(node, name, key_index)
        if text:
            _put(node, name, _value(text, key_index.keys.get(name), position), position)
        return
    name = key_index.canonical_names.get(indexed["list"], indexed["list"])
    array = _find(node, name, key_index)
    index = int(indexed["index"])
    if not isinstance(array, JsonArray) or index >= len(array.items):
        count = len(array.items) if isinstance(array, JsonArray) else 0
        raise ValueError(f"the description has no {name}[{index}]; {name} has {count} entries")
    declared = key_index.keys.get(name)
    if indexed["rest"] is None:
        array.items[index : index + 1] = [_value(text, declared, position)] if text else []
        return
    item = array.items[index]
    if not isinstance(item, JsonObject):
        raise ValueError(f"{name}[{index}] is not an object; expected one, to change {indexed['rest']} in it")  # noqa: TRY004
    _apply(
        item, declared.items if declared is not None and declared.items else Definition, indexed["rest"], text, position
    )


def _value(text: str, key: IndexedKey | None, position: SourcePosition) -> JsonNode:
    """
    Read the value of an override. For a key whose value is text, a number or boolean stays as it was typed: a token
    may be 007.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the value is not UTF-8; expected UTF-8") from error
    try:
        value = json.loads(text, parse_constant=_reject, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("the value is nested too deep") from error
    except ValueError:
        value = text
    keeps_text = key is not None and key.field_type is not None and key.field_type.keeps_text
    return from_python(text if keeps_text and isinstance(value, (bool, int, float)) else value, position)


def _reject(constant: str) -> NoReturn:
    """
    Reject NaN and Infinity, which Python accepts and JSON does not have.
    """
    raise ValueError(constant)


def _finite(text: str) -> float:
    """
    Reject a number that is too large for a float.
    """
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _remove(node: JsonObject, name: str, key_index: KeyIndex, prefix: str = "") -> None:
    """
    Remove all spellings of *name*, and of the keys in it, from *node*.
    """
    kept = []
    for member in node.members:
        dotted = prefix + member.key
        canonical = key_index.canonical_names.get(dotted, dotted)
        if canonical == name or canonical.startswith(f"{name}."):
            continue
        if isinstance(member.value, JsonObject):
            _remove(member.value, name, key_index, f"{dotted}.")
        kept.append(member)
    node.members[:] = kept


def _put(node: JsonObject, name: str, value: JsonNode, position: SourcePosition) -> None:
    """
    Add *value* as *name*. The parts of a dotted name become nested objects, unless another value is in the way.
    """
    step, dot, rest = name.partition(".")
    below = node.get(step)
    if not dot or (below is not None and not isinstance(below, JsonObject)):
        node.members.append(JsonMember(name, position, value))
        return
    if below is None:
        below = JsonObject(position)
        node.members.append(JsonMember(step, position, below))
    _put(below, rest, value, position)


def _find(node: JsonObject, name: str, key_index: KeyIndex, prefix: str = "") -> JsonNode | None:
    """
    The value of *name* in *node*, in any spelling.
    """
    for member in node.members:
        dotted = prefix + member.key
        if key_index.canonical_names.get(dotted, dotted) == name:
            return member.value
        if (
            isinstance(member.value, JsonObject)
            and (found := _find(member.value, name, key_index, f"{dotted}.")) is not None
        ):
            return found
    return None
