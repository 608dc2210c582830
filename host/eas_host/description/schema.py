"""
The JSON Schema of descriptions, for editors, from the same definitions as the reader.

pydantic writes the schema of what is nested; the other writings are added from the reader's own table. The dotted names
of keys that have an effect become properties, so that editors offer them; aliases, and dotted names of keys that have
none, become patterns, which are accepted without being offered. Keys that are not known are marked, though the reader
only notes them: an editor's mark costs nothing, and is all that a misspelt key gets before it is deployed.
"""

from __future__ import annotations

import re
from typing import Any, Final

from eas_host.description.definitions import Service
from eas_host.description.keys import Definition, key_of
from eas_host.description.kinds import Json
from eas_host.description.known import Table, table

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TOP: Final = ""


def schema() -> dict[str, Any]:
    """
    Make the schema.
    """
    generated = Service.model_json_schema(by_alias=True)
    places: dict[str, Json] = generated.pop("$defs")
    places[_TOP] = generated
    for name, definition in _definitions(Service).items():
        _complete(places[name], definition)
    _add_writings(places, table(Service), _TOP)
    for item in _items(Service):
        _add_writings(places, table(item), item.__name__)
    generated["properties"] = {"$schema": {"type": "string"}, **generated["properties"]}
    head = {"$schema": _DIALECT, "title": "PAI-EAS service", "description": "A service of PAI-EAS, for eas-host too."}
    del places[_TOP]
    return {**head, **generated, **head, "$defs": places}


def _definitions(top: type[Definition]) -> dict[str, type[Definition]]:
    """
    All definitions by the name of their schema.
    """
    found: dict[str, type[Definition]] = {_TOP if top is Service else top.__name__: top}
    for section in table(top).sections.values():
        found[section.__name__] = section
    for item in _items(top):
        found |= _definitions(item)
    return found


def _items(definition: type[Definition]) -> list[type[Definition]]:
    return [known.items for known in table(definition).keys.values() if known.items is not None]


def _complete(place: Json, definition: type[Definition]) -> None:
    """
    Say of one object what pydantic does not know, and drop what only repeats names.
    """
    place.pop("title", None)
    for value in place["properties"].values():
        value.pop("title", None)
        value.pop("default", None)
    required = [field.alias or name for name, field in definition.model_fields.items() if key_of(field).required]
    if required:
        place["required"] = required
    place["additionalProperties"] = False


def _add_writings(places: dict[str, Json], keys: Table, top: str) -> None:
    """
    Add to each object all that may be written in it.
    """
    for dotted, name in keys.names.items():
        known = keys.keys[name]
        value = _property(places, keys, known.loc, top)
        for place, rest in _splits(places, keys, dotted, top):
            if known.key.ignored:  # what is below it may be written dotted, too, and has no definition
                _patterns(place)[f"^{re.escape(rest)}(\\.|$)"] = value
            elif dotted == name:
                place["properties"].setdefault(rest, value)
            elif rest not in place["properties"]:
                _patterns(place)[f"^{re.escape(rest)}$"] = value
    for dotted, section in keys.sections.items():
        for place, rest in _splits(places, keys, dotted, top):
            if rest not in place["properties"]:
                _patterns(place)[f"^{re.escape(rest)}$"] = {"$ref": f"#/$defs/{section.__name__}"}


def _property(places: dict[str, Json], keys: Table, loc: tuple[str, ...], top: str) -> Json:
    section = keys.sections.get(".".join(loc[:-1]))
    place = places[section.__name__ if section is not None else top]
    value: Json = place["properties"][loc[-1]]
    return value


def _splits(places: dict[str, Json], keys: Table, dotted: str, top: str) -> list[tuple[Json, str]]:
    """
    Where *dotted* may be written: whole at the top, or the rest of it in a section that it begins with.
    """
    found = [(places[top], dotted)]
    for dot in (index for index, letter in enumerate(dotted) if letter == "."):
        section = keys.sections.get(dotted[:dot])
        if section is not None:
            found.append((places[section.__name__], dotted[dot + 1 :]))
    return found


def _patterns(place: Json) -> Json:
    patterns: Json = place.setdefault("patternProperties", {})
    return patterns
