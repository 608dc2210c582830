"""
From the tree to the data for pydantic: each value moves to the documented place of its key, in whatever spelling the
file has it.

Keys that nobody knows are sorted here. A key that is nearly a known one is an error, since a misspelt key that is
silently ignored costs hours. Any other key is ignored, with a note, since EAS gets new keys often.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from eas_host.description.description import CloudValue
from eas_host.description.diagnostics.diagnostics import DataPath, Diagnostics, Location
from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.keys.declaration import HARMLESS_VALUES, Definition, KeyDeclaration
from eas_host.description.keys.key_index import IndexedKey, KeyIndex, index_keys
from eas_host.description.syntax.json_tree import JsonArray, JsonMember, JsonNode, JsonObject, JsonScalar, to_python

_BLANK: Final = (None, "")
_SCHEMA_KEY: Final = "$schema"
"""Names the JSON Schema for editors; it is no key of EAS."""


def normalize(
    node: JsonObject, definition: type[Definition], diagnostics: Diagnostics, data_path: DataPath = (), label: str = ""
) -> dict[str, Any]:
    """
    Move the values of *node* to the documented places of their keys.

    Args:
        node: an object of the description.
        definition: the keys that it may have.
        diagnostics: gets the errors, the ignored keys, and the locations of all values.
        data_path: where the object belongs in the data for pydantic.
        label: how messages call it.

    Returns:
        Its values, nested as the definition is, without those of ignored keys.
    """
    key_index = index_keys(definition)
    diagnostics.locations[data_path] = Location(label, node.position)
    seen: dict[str, tuple[str, JsonMember]] = {}
    data: dict[str, Any] = {}
    for dotted, member in _leaves(node, key_index):
        key = key_index.keys.get(key_index.canonical_names.get(dotted, ""))
        if key is None:
            _report_unknown(dotted, member, key_index, diagnostics, label)
        elif _has_value(key, member.value):
            if key.name in seen:
                _compare(seen[key.name], (dotted, member), diagnostics, label)
                continue
            seen[key.name] = dotted, member
            location = Location(_join(label, key.name), member.value.position)
            _store(key, member.value, diagnostics, location, (data_path, data))
    for key in key_index.keys.values():
        if key.declaration.required and key.name not in seen:
            diagnostics.add_error(diagnostics.locations[data_path], f"it has no {key.name}; expected one")
    return data


def check_duplicates(node: JsonNode, diagnostics: Diagnostics) -> None:
    """
    Report keys that an object has twice, anywhere in *node*.
    """
    if isinstance(node, JsonArray):
        for item in node.items:
            check_duplicates(item, diagnostics)
    elif isinstance(node, JsonObject):
        first: dict[str, SourcePosition] = {}
        for member in node.members:
            before = first.setdefault(member.key, member.position)
            if before is not member.position:
                also = before.relative_to(member.position)
                text = f"{format_value(member.key)} is there twice, also at {also}; expected one of them"
                diagnostics.errors.add(member.position, text)
            check_duplicates(member.value, diagnostics)


def _leaves(node: JsonObject, key_index: KeyIndex, prefix: str = "") -> Iterator[tuple[str, JsonMember]]:
    """
    The members of *node* and of its sections, each with its dotted name.
    """
    for member in node.distinct():
        dotted = prefix + member.key
        if isinstance(member.value, JsonObject) and dotted in key_index.prefixes:
            yield from _leaves(member.value, key_index, f"{dotted}.")
        else:
            yield dotted, member


def _has_value(key: IndexedKey, value: JsonNode) -> bool:
    """
    Whether *value* counts. null does not; nor does an empty text, which EAS's samples write for what they leave out.
    """
    if isinstance(value, JsonScalar):
        return value.value is not None and (key.declaration.keeps_blank or value.value != "")
    return True


def _store(
    key: IndexedKey,
    value: JsonNode,
    diagnostics: Diagnostics,
    location: Location,
    target: tuple[DataPath, dict[str, Any]],
) -> None:
    """
    Store *value* at the place of its *key* in *target*: the path and the data of an object. If the key has no effect,
    note that instead.
    """
    target_path, data = target
    declaration = key.declaration
    if declaration.ignored_reason:
        if diagnostics.cloud_values is not None:
            _keep_cloud_value(declaration, value, diagnostics, location.label)
        elif to_python(value) not in (*HARMLESS_VALUES, *declaration.harmless_values):
            diagnostics.ignore_key(location.label, declaration.ignored_reason, usual=declaration.usual)
        return
    data_path = (*target_path, *key.data_path)
    diagnostics.locations[data_path] = location
    for step in key.data_path[:-1]:
        data = data.setdefault(step, {})
    if declaration.accepts_mapping and isinstance(value, JsonObject):
        data[key.data_path[-1]] = list(_pairs(value, diagnostics, location, data_path))
    elif key.items is not None and isinstance(value, JsonArray):
        data[key.data_path[-1]] = list(_items(value, key.items, diagnostics, location, data_path))
    else:
        data[key.data_path[-1]] = to_python(value)
        diagnostics.origins[location.label] = location.position


def _keep_cloud_value(declaration: KeyDeclaration, node: JsonNode, diagnostics: Diagnostics, label: str) -> None:
    """
    Keep the value *node* of a key that has no effect here, or each value in it, for who can do something about it.
    """
    if isinstance(node, JsonObject) and node.members:
        for member in node.distinct():
            _keep_cloud_value(declaration, member.value, diagnostics, f"{label}.{member.key}")
        return
    value = to_python(node)
    if value not in _BLANK and diagnostics.cloud_values is not None:
        harmless = value in (*HARMLESS_VALUES, *declaration.harmless_values)
        diagnostics.cloud_values[label] = CloudValue(value, declaration.ignored_reason, harmless)
        diagnostics.origins[label] = node.position


def _pairs(
    node: JsonObject, diagnostics: Diagnostics, location: Location, data_path: DataPath
) -> Iterator[dict[str, Any]]:
    """
    Convert `{"NAME": "value"}` to `[{"name": "NAME", "value": "value"}]`.
    """
    for index, member in enumerate(node.distinct()):
        label = f"{location.label}.{member.key}"
        item_path: DataPath = (*data_path, index)
        positions: dict[DataPath, SourcePosition] = {
            item_path: member.position,
            (*item_path, "name"): member.position,
            (*item_path, "value"): member.value.position,
        }
        diagnostics.locations |= {path: Location(label, position) for path, position in positions.items()}
        diagnostics.origins[label] = member.value.position
        yield {"name": member.key, "value": to_python(member.value)}


def _items(
    node: JsonArray, definition: type[Definition], diagnostics: Diagnostics, location: Location, data_path: DataPath
) -> Iterator[dict[str, Any]]:
    """
    Normalize the objects of a list. An item of another type is left to pydantic, which rejects it.
    """
    for index, item in enumerate(node.items):
        item_path: DataPath = (*data_path, index)
        label = f"{location.label}[{index}]"
        if isinstance(item, JsonObject):
            yield normalize(item, definition, diagnostics, item_path, label)
        else:
            diagnostics.locations[item_path] = Location(label, item.position)
            yield to_python(item)


def _compare(
    first: tuple[str, JsonMember], second: tuple[str, JsonMember], diagnostics: Diagnostics, label: str
) -> None:
    """
    Report two spellings of one key, each with its member, if their values differ.
    """
    (before, old), (dotted, new) = first, second
    if to_python(old.value) != to_python(new.value):
        at = old.position.relative_to(new.position)
        text = f"{_join(label, before)}, which is the same key, has another value at {at}; expected one of them"
        diagnostics.add_error(Location(_join(label, dotted), new.position), text)


def _report_unknown(dotted: str, member: JsonMember, key_index: KeyIndex, diagnostics: Diagnostics, label: str) -> None:
    """
    Report the name *dotted*, which is not the name of a key with a value, and why.
    """
    value, location = member.value, Location(_join(label, dotted), member.position)
    if dotted == _SCHEMA_KEY and not label:
        return
    if dotted in key_index.sections:
        if to_python(value) not in _BLANK:
            text = f"{format_value(to_python(value))} is not an object; expected one, in {{ }}"
            diagnostics.add_error(Location(location.label, value.position), text)
        return
    around, rest = key_index.enclosing_key(dotted) or (None, "")
    if around is not None and around.declaration.ignored_reason:
        if diagnostics.cloud_values is not None:
            _keep_cloud_value(around.declaration, value, diagnostics, f"{_join(label, around.name)}.{rest}")
        elif to_python(value) not in HARMLESS_VALUES:
            diagnostics.ignore_key(_join(label, around.name), around.declaration.ignored_reason)
    elif around is not None:
        text = f"{around.name} has no dotted keys; expected the value in {around.name} itself"
        diagnostics.add_error(location, text)
    elif (meant := key_index.suggest(dotted)) is not None:
        diagnostics.add_error(location, f"there is no such key; did you mean {_join(label, meant)}?")
    else:
        diagnostics.unknown_keys.append(location.label)


def _join(label: str, name: str) -> str:
    return f"{label}.{name}" if label else name
