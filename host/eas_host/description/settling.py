"""
From the tree to what pydantic is given: each key at its documented place, in whatever way it was written.

Keys that nobody knows are told apart here: one that is nearly a known key is a mistake, for a misspelt key that is
silently ignored costs hours; any other is noted and ignored, since EAS gets new keys often.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from eas_host.description.findings import Findings, Loc, Spot
from eas_host.description.keys import SETTLED, Definition
from eas_host.description.known import Known, Table, table
from eas_host.description.mistakes import shown
from eas_host.description.nodes import Array, Member, Node, Object, Place, Scalar, plain

_BLANK: Final = (None, "")
_EDITORS: Final = "$schema"
"""Names the schema to an editor. No key of EAS's."""


def settle(
    node: Object, definition: type[Definition], findings: Findings, loc: Loc = (), label: str = ""
) -> dict[str, Any]:
    """
    Sort the keys of *node*, which *definition* describes, and which is called *label* and is at *loc*.

    Returns:
        Its values as plain data, nested as the definition is; what is ignored is not in it.
    """
    keys = table(definition)
    findings.spots[loc] = Spot(label, node.place)
    given: dict[str, tuple[str, Member]] = {}
    settled: dict[str, Any] = {}
    for dotted, member in _leaves(node, keys):
        known = keys.keys.get(keys.names.get(dotted, ""))
        if known is None:
            _sort_out(dotted, member, keys, findings, label)
        elif _is_given(known, member.value):
            if known.name in given:
                _compare(given[known.name], (dotted, member), findings, label)
                continue
            given[known.name] = dotted, member
            spot = Spot(_join(label, known.name), member.value.place)
            _keep(known, member.value, findings, spot, (loc, settled))
    for known in keys.keys.values():
        if known.key.required and known.name not in given:
            findings.wrong(findings.spots[loc], f"it has no {known.name}; expected one")
    return settled


def check_duplicates(node: Node, findings: Findings) -> None:
    """
    Look for keys that one object has twice, anywhere in *node*.
    """
    if isinstance(node, Array):
        for item in node.items:
            check_duplicates(item, findings)
    elif isinstance(node, Object):
        first: dict[str, Place] = {}
        for member in node.members:
            before = first.setdefault(member.key, member.place)
            if before is not member.place:
                text = (
                    f"{shown(member.key)} is there twice, also at {before.beside(member.place)}; expected one of them"
                )
                findings.mistakes.add(member.place, text)
            check_duplicates(member.value, findings)


def _leaves(node: Object, keys: Table, prefix: str = "") -> Iterator[tuple[str, Member]]:
    """
    The members of *node* and of its sections, each with its dotted name.
    """
    for member in node.distinct():
        dotted = prefix + member.key
        if isinstance(member.value, Object) and dotted in keys.prefixes:
            yield from _leaves(member.value, keys, f"{dotted}.")
        else:
            yield dotted, member


def _is_given(known: Known, value: Node) -> bool:
    """
    Whether *value* is one: null is none, and the documents' samples write `""` for what they leave out.
    """
    if isinstance(value, Scalar):
        return value.value is not None and (known.key.keeps_blank or value.value != "")
    return True


def _keep(known: Known, value: Node, findings: Findings, spot: Spot, target: tuple[Loc, dict[str, Any]]) -> None:
    """
    Put *value* where it belongs in *target*, the dictionary of the object at that location; or say why not.
    """
    loc, settled = target
    if known.key.ignored:
        if plain(value) not in (*SETTLED, *known.key.usual):
            findings.ignore(spot.label, known.key.ignored)
        return
    where = (*loc, *known.loc)
    findings.spots[where] = spot
    for step in known.loc[:-1]:
        settled = settled.setdefault(step, {})
    if known.key.pairs and isinstance(value, Object):
        settled[known.loc[-1]] = list(_paired(value, findings, spot, where))
    elif known.items is not None and isinstance(value, Array):
        settled[known.loc[-1]] = list(_items(value, known.items, findings, spot, where))
    else:
        settled[known.loc[-1]] = plain(value)
        findings.settled[spot.label] = spot.place


def _paired(node: Object, findings: Findings, spot: Spot, loc: Loc) -> Iterator[dict[str, Any]]:
    """
    Read `{"NAME": "value"}` as `[{"name": "NAME", "value": "value"}]`.
    """
    for index, member in enumerate(node.distinct()):
        label = f"{spot.label}.{member.key}"
        here: Loc = (*loc, index)
        spots: dict[Loc, Place] = {
            here: member.place,
            (*here, "name"): member.place,
            (*here, "value"): member.value.place,
        }
        findings.spots |= {where: Spot(label, place) for where, place in spots.items()}
        findings.settled[label] = member.value.place
        yield {"name": member.key, "value": plain(member.value)}


def _items(
    node: Array, definition: type[Definition], findings: Findings, spot: Spot, loc: Loc
) -> Iterator[dict[str, Any]]:
    """
    Read a list of objects. An item that is none is left to pydantic.
    """
    for index, item in enumerate(node.items):
        here: Loc = (*loc, index)
        label = f"{spot.label}[{index}]"
        if isinstance(item, Object):
            yield settle(item, definition, findings, here, label)
        else:
            findings.spots[here] = Spot(label, item.place)
            yield plain(item)


def _compare(first: tuple[str, Member], second: tuple[str, Member], findings: Findings, label: str) -> None:
    """
    Look whether two writings of one key say the same.
    """
    (before, old), (dotted, new) = first, second
    if plain(old.value) != plain(new.value):
        also = f"{_join(label, before)}, which is the same key, has another value at {old.place.beside(new.place)}"
        findings.wrong(Spot(_join(label, dotted), new.place), f"{also}; expected one of them")


def _sort_out(dotted: str, member: Member, keys: Table, findings: Findings, label: str) -> None:
    """
    Say what is the matter with *dotted*, which is no key.
    """
    value, spot = member.value, Spot(_join(label, dotted), member.place)
    if dotted == _EDITORS and not label:
        return
    if dotted in keys.sections:
        if plain(value) not in _BLANK:
            findings.wrong(Spot(spot.label, value.place), f"{shown(plain(value))} is no object; expected one, in {{ }}")
        return
    around = keys.ancestor(dotted)
    if around is not None and around.key.ignored:
        if plain(value) not in SETTLED:
            findings.ignore(_join(label, around.name), around.key.ignored)
    elif around is not None:
        findings.wrong(spot, f"{around.name} has no dotted keys; expected the value in {around.name} itself")
    elif (meant := keys.suggestion(dotted)) is not None:
        findings.wrong(spot, f"there is no such key; did you mean {_join(label, meant)}?")
    else:
        findings.unknown.append(spot.label)


def _join(label: str, name: str) -> str:
    return f"{label}.{name}" if label else name
