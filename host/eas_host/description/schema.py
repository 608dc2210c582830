"""
The JSON Schema of descriptions, for editors, made from the same definitions as the reader uses.

pydantic makes the schema of nested keys; the key index adds the other spellings. The dotted names of keys that have an
effect become properties, so that editors offer them. Aliases, and dotted names of keys that have no effect, become
patterns: editors accept them and do not offer them. The schema forbids unknown keys, although the reader only writes a
note: a mark in the editor does no harm, and it shows a misspelt key before the service is deployed.

The title of each key is its name in full, and says which keys only the cloud honours.
"""

from __future__ import annotations

import re
from typing import Any, Final

from eas_host.config.host import HostConfig
from eas_host.description.keys.declaration import Definition, declaration_of
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.field_types import JsonSchema
from eas_host.description.keys.key_index import KeyIndex, index_keys

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_OPTIONS: Final = HostConfig()
_ID: Final = "urn:eas-host:service-description"
_TOP: Final = ""


def schema() -> dict[str, Any]:
    """
    Make the JSON Schema.
    """
    generated = ServiceDefinition.model_json_schema(by_alias=True)
    schemas: dict[str, JsonSchema] = generated.pop("$defs")
    schemas[_TOP] = generated
    for name, definition in _definitions(ServiceDefinition).items():
        _complete(schemas[name], definition)
    _add_spellings(schemas, index_keys(ServiceDefinition), _TOP)
    for item in _items(ServiceDefinition):
        _add_spellings(schemas, index_keys(item), item.__name__)
    own = {"type": "string", "title": "$schema", "description": "The schema by which editors check this file."}
    generated["properties"] = {"$schema": own, **generated["properties"]}
    about = {"title": "PAI-EAS service", "description": "A service of PAI-EAS, for eas-host too."}
    head = {"$schema": _DIALECT, "$id": _ID, **about}
    del schemas[_TOP]
    return {**head, **generated, **head, "$defs": schemas}


def _definitions(top: type[Definition]) -> dict[str, type[Definition]]:
    """
    All definitions, by the names of their schemas in `$defs`.
    """
    found: dict[str, type[Definition]] = {_TOP if top is ServiceDefinition else top.__name__: top}
    for section in index_keys(top).sections.values():
        found[section.__name__] = section
    for item in _items(top):
        found |= _definitions(item)
    return found


def _items(definition: type[Definition]) -> list[type[Definition]]:
    return [key.items for key in index_keys(definition).keys.values() if key.items is not None]


def _complete(target: JsonSchema, definition: type[Definition]) -> None:
    """
    Add to the schema of one object what pydantic does not know: it takes the names of classes and fields for titles,
    and nothing for the default of each key.
    """
    target.pop("title", None)
    declared = {field.alias or name: declaration_of(field) for name, field in definition.model_fields.items()}
    for name, value in target["properties"].items():
        value.pop("title", None)
        value.pop("default", None)
        option = declared[name].option
        if option and (default := getattr(_OPTIONS, option)) is not None:
            value["default"] = default
    required = [name for name, declaration in declared.items() if declaration.required]
    if required:
        target["required"] = required
    target["additionalProperties"] = False


def _add_spellings(schemas: dict[str, JsonSchema], key_index: KeyIndex, top: str) -> None:
    """
    Add all spellings of keys and sections to the schemas of the objects that may contain them.
    """
    for dotted, name in key_index.canonical_names.items():
        key = key_index.keys[name]
        value = _property(schemas, key_index, key.data_path, top)
        value.setdefault("title", name + (" (only in the cloud)" if key.declaration.ignored_reason else ""))
        for target, rest in _splits(schemas, key_index, dotted, top):
            if key.declaration.ignored_reason:  # it has no definition, so any keys may follow behind a dot
                _patterns(target)[f"^{re.escape(rest)}(\\.|$)"] = value
            elif dotted == name:
                target["properties"].setdefault(rest, value)
            elif rest not in target["properties"]:
                _patterns(target)[f"^{re.escape(rest)}$"] = value
    for dotted, section in key_index.sections.items():
        for target, rest in _splits(schemas, key_index, dotted, top):
            if rest in target["properties"]:
                target["properties"][rest].setdefault("title", dotted)
            else:
                _patterns(target)[f"^{re.escape(rest)}$"] = {"$ref": f"#/$defs/{section.__name__}"}


def _property(schemas: dict[str, JsonSchema], key_index: KeyIndex, data_path: tuple[str, ...], top: str) -> JsonSchema:
    section = key_index.sections.get(".".join(data_path[:-1]))
    target = schemas[section.__name__ if section is not None else top]
    value: JsonSchema = target["properties"][data_path[-1]]
    return value


def _splits(schemas: dict[str, JsonSchema], key_index: KeyIndex, dotted: str, top: str) -> list[tuple[JsonSchema, str]]:
    """
    The schemas of the objects that may contain the key *dotted*, each with its name there: whole at the top, or without
    the name of the section that contains it.
    """
    found = [(schemas[top], dotted)]
    for dot in (index for index, letter in enumerate(dotted) if letter == "."):
        section = key_index.sections.get(dotted[:dot])
        if section is not None:
            found.append((schemas[section.__name__], dotted[dot + 1 :]))
    return found


def _patterns(target: JsonSchema) -> JsonSchema:
    patterns: JsonSchema = target.setdefault("patternProperties", {})
    return patterns
