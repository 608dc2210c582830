"""
All writings of all keys, computed from the definitions.

A key of a section may stand nested, dotted, or half and half, and has aliases; all of these lead to one canonical name,
the documented one. What leads nowhere is compared with what would.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, get_args

from pydantic.fields import FieldInfo

from eas_host.description.keys import Definition, Key, key_of
from eas_host.description.kinds import Kind

_CUTOFF: Final = 0.7
"""For candidates only; `_edits` has the last word, since long names that only begin alike are similar to difflib."""
_SHORT: Final = 8
"""Names shorter than this are misspelt by one letter, longer ones by two; with more they are other names."""


@dataclass(frozen=True)
class Known:
    """
    A documented key.

    Attributes:
        name: as documented, dotted.
        loc: where its value belongs in what pydantic is given.
        key: what was declared for it.
        kind: how its value is read, if it is a single value.
        items: the definition of its items, if it is a list of objects.
    """

    name: str
    loc: tuple[str, ...]
    key: Key
    kind: Kind | None
    items: type[Definition] | None


@dataclass(frozen=True)
class Table:
    """
    The keys of one definition.

    Attributes:
        keys: by their canonical names.
        names: from each writing, the canonical one included, to the canonical name.
        sections: from each writing of a section to its definition.
        prefixes: what stands before a dot in any writing.
    """

    keys: dict[str, Known]
    names: dict[str, str]
    sections: dict[str, type[Definition]]
    prefixes: frozenset[str]

    def ancestor(self, dotted: str) -> Known | None:
        """
        The key that is not the whole of *dotted*, but its beginning.
        """
        while "." in dotted:
            dotted = dotted.rpartition(".")[0]
            if dotted in self.names:
                return self.keys[self.names[dotted]]
        return None

    def suggestion(self, dotted: str) -> str | None:
        """
        The documented key that *dotted*, which is none, was probably meant to be.
        """
        writings = {*self.names, *self.sections}
        parts = dotted.split(".")
        known = max((end for end in range(len(parts)) if ".".join(parts[:end]) in self.prefixes), default=0)
        before = "".join(f"{part}." for part in parts[:known])
        siblings = {name[len(before) :].partition(".")[0] for name in writings if name.startswith(before)}
        sibling = nearest(parts[known], siblings)
        if sibling is not None:
            whole = ".".join([*parts[:known], sibling, *parts[known + 1 :]])
            return self.names.get(whole, whole if whole in self.sections else before + sibling)
        # Nothing here is called like that; something elsewhere may be: `metadata.keepalive`.
        elsewhere = {name.rpartition(".")[2]: name for name, known in self.keys.items() if not known.key.ignored}
        other = nearest(parts[-1], elsewhere)
        return elsewhere[other] if other is not None else None


@cache
def table(definition: type[Definition]) -> Table:
    """
    The keys of *definition*.
    """
    keys: dict[str, Known] = {}
    names: dict[str, str] = {}
    sections: dict[str, type[Definition]] = {}
    for path, field, aliases in _fields(definition):
        name = ".".join(path)
        if (below := _definition(field.annotation)) is not None:
            sections |= dict.fromkeys((name, *aliases), below)
        else:
            keys[name] = Known(name, path, key_of(field), _kind(field), _items(field))
            names |= dict.fromkeys((name, *aliases), name)
    prefixes = {name[:end] for name in (*names, *sections) for end, letter in enumerate(name) if letter == "."}
    return Table(keys, names, sections, frozenset(prefixes | {*sections, ""}))


def nearest(word: str, names: Collection[str]) -> str | None:
    """
    The one of *names* that *word* is probably a misspelling of.
    """
    bare = {_bare(name): name for name in sorted(names)}
    wrong = _bare(word)
    for candidate in difflib.get_close_matches(wrong, bare, 3, _CUTOFF):
        if _edits(wrong, candidate) <= (1 if len(candidate) < _SHORT else 2):
            return bare[candidate]
    turned = [name for name in bare if sorted(name) == sorted(wrong)]  # rcp for rpc
    return bare[turned[0]] if turned and wrong else None


def _fields(
    definition: type[Definition], path: tuple[str, ...] = (), aliases: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo, tuple[str, ...]]]:
    """
    The fields of *definition*, which is at *path* and known as *aliases*, and of all sections in it: where each is,
    and its other names.
    """
    for name, field in definition.model_fields.items():
        step = field.alias or name
        others = (*key_of(field).aliases, *(f"{alias}.{step}" for alias in aliases))
        yield (*path, step), field, others
        if (below := _definition(field.annotation)) is not None:
            yield from _fields(below, (*path, step), others)


def _definition(annotation: object) -> type[Definition] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, Definition) else None


def _items(field: FieldInfo) -> type[Definition] | None:
    return next((item for item in map(_definition, get_args(field.annotation)) if item is not None), None)


def _kind(field: FieldInfo) -> Kind | None:
    return next((item for item in field.metadata if isinstance(item, Kind)), None)


def _bare(name: str) -> str:
    """
    What is compared: `modelPath` and `model-path` are `model_path`.
    """
    return name.lower().replace("_", "").replace("-", "")


def _edits(one: str, other: str) -> int:
    steps = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(end - start, last - first) for tag, start, end, first, last in steps if tag != "equal")
