"""
All spellings of all keys, computed from the definitions.

A key of a section may be nested, dotted, or partly both, and it may have aliases. Every spelling leads to one canonical
name, which is the documented one. For a name that is not a spelling of any key, the index suggests the closest key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import get_args

from pydantic.fields import FieldInfo

from eas_host.description.keys.closest_name import closest_name
from eas_host.description.keys.declaration import Definition, KeyDeclaration, declaration_of
from eas_host.description.keys.field_types import FieldType


@dataclass(frozen=True)
class IndexedKey:
    """
    A documented key.

    Attributes:
        name: its canonical name, dotted.
        data_path: where its value belongs in the data for pydantic.
        declaration: its declaration.
        field_type: the type of its value, if that is a single value.
        items: the definition of its items, if it is a list of objects.
    """

    name: str
    data_path: tuple[str, ...]
    declaration: KeyDeclaration
    field_type: FieldType | None
    items: type[Definition] | None


@dataclass(frozen=True)
class KeyIndex:
    """
    The keys of one definition.

    Attributes:
        keys: the keys, by their canonical names.
        canonical_names: the canonical name of each spelling; it is a spelling itself.
        sections: the definition of each section, by all of its spellings.
        prefixes: all spellings up to one of their dots, all spellings of sections, and `""`.
    """

    keys: dict[str, IndexedKey]
    canonical_names: dict[str, str]
    sections: dict[str, type[Definition]]
    prefixes: frozenset[str]

    def enclosing_key(self, dotted: str) -> tuple[IndexedKey, str] | None:
        """
        The key of which some spelling and a dot begin *dotted*, and what follows; None if there is none.
        """
        spelling = dotted
        while "." in spelling:
            spelling = spelling.rpartition(".")[0]
            if spelling in self.canonical_names:
                return self.keys[self.canonical_names[spelling]], dotted[len(spelling) + 1 :]
        return None

    def suggest(self, dotted: str) -> str | None:
        """
        The documented key that the unknown name *dotted* was probably meant to be; None if there is none.
        """
        spellings = {*self.canonical_names, *self.sections}
        parts = dotted.split(".")
        known = max((end for end in range(len(parts)) if ".".join(parts[:end]) in self.prefixes), default=0)
        before = "".join(f"{part}." for part in parts[:known])
        siblings = {name[len(before) :].partition(".")[0] for name in spellings if name.startswith(before)}
        sibling = closest_name(parts[known], siblings)
        if sibling is not None:
            whole = ".".join([*parts[:known], sibling, *parts[known + 1 :]])
            return self.canonical_names.get(whole, whole if whole in self.sections else before + sibling)
        # The section has no such key, but another one may: `metadata.keepalive`.
        elsewhere = {
            name.rpartition(".")[2]: name for name, key in self.keys.items() if not key.declaration.ignored_reason
        }
        other = closest_name(parts[-1], elsewhere)
        return elsewhere[other] if other is not None else None


@cache
def index_keys(definition: type[Definition]) -> KeyIndex:
    """
    Compute the index of *definition* and of all sections in it.
    """
    keys: dict[str, IndexedKey] = {}
    names: dict[str, str] = {}
    sections: dict[str, type[Definition]] = {}
    for path, field, aliases in _fields(definition):
        name = ".".join(path)
        if (below := _definition(field.annotation)) is not None:
            sections |= dict.fromkeys((name, *aliases), below)
        else:
            keys[name] = IndexedKey(name, path, declaration_of(field), _field_type(field), _items(field))
            names |= dict.fromkeys((name, *aliases), name)
    prefixes = {name[:end] for name in (*names, *sections) for end, letter in enumerate(name) if letter == "."}
    return KeyIndex(keys, names, sections, frozenset(prefixes | {*sections, ""}))


def _fields(
    definition: type[Definition], path: tuple[str, ...] = (), aliases: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo, tuple[str, ...]]]:
    """
    The fields of *definition*, which is at *path* and has the *aliases*, and the fields of all sections in it.

    Yields:
        The path of a field, the field, and its aliases.
    """
    for name, field in definition.model_fields.items():
        step = field.alias or name
        others = (*declaration_of(field).aliases, *(f"{alias}.{step}" for alias in aliases))
        yield (*path, step), field, others
        if (below := _definition(field.annotation)) is not None:
            yield from _fields(below, (*path, step), others)


def _definition(annotation: object) -> type[Definition] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Definition) else None


def _items(field: FieldInfo) -> type[Definition] | None:
    return next((item for item in map(_definition, get_args(field.annotation)) if item is not None), None)


def _field_type(field: FieldInfo) -> FieldType | None:
    return next((item for item in field.metadata if isinstance(item, FieldType)), None)
