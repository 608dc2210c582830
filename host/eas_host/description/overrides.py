"""
`-D key=value`: the tree of a description, edited before anything in it is checked.

A key may be written in any way that the file may write it, with an index for an entry of a list:
`models[0].model_path`. Whatever the file says of that key, in whatever writing, is taken out; so a mistake that is
overridden is none. The value is JSON if it can be read as such, and text otherwise; no value takes the key out.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from eas_host.description.definitions import Service
from eas_host.description.findings import Findings
from eas_host.description.keys import Definition
from eas_host.description.known import Known, Table, table
from eas_host.description.nodes import Array, Member, Node, Object, Place, planted

_INDEXED: Final = re.compile(r"(?P<list>[^\[\]]+)\[(?P<index>[0-9]{1,6})\](?:\.(?P<rest>.+))?")


def override(root: Object, words: list[str], findings: Findings) -> None:
    """
    Change *root* as *words*, each `key=value`, say. Wrong ones are among the mistakes of *findings*.
    """
    for number, word in enumerate(words):
        key, equals, text = word.partition("=")
        key = key.strip()
        place = Place(f"-D {key}", column=number)
        if not equals or not key:
            findings.mistakes.add(place, "expected -D KEY=VALUE, such as -D metadata.rpc.keepalive=10000")
            continue
        try:
            _apply(root, Service, key, text, place)
        except ValueError as error:
            findings.mistakes.add(place, str(error))


def _apply(node: Object, definition: type[Definition], key: str, text: str, place: Place) -> None:
    keys = table(definition)
    indexed = _INDEXED.fullmatch(key)
    if indexed is None:
        if "[" in key or "]" in key:
            raise ValueError("no key is written so; expected one such as models[0].model_path")
        name = keys.names.get(key, key)
        _take_out(node, name, keys)
        if text:
            _put(node, name, _value(text, keys.keys.get(name), place), place)
        return
    name = keys.names.get(indexed["list"], indexed["list"])
    array = _find(node, name, keys)
    index = int(indexed["index"])
    if not isinstance(array, Array) or index >= len(array.items):
        count = len(array.items) if isinstance(array, Array) else 0
        raise ValueError(f"the description has no {name}[{index}]; {name} has {count} entries")
    known = keys.keys.get(name)
    if indexed["rest"] is None:
        array.items[index : index + 1] = [_value(text, known, place)] if text else []
        return
    item = array.items[index]
    if not isinstance(item, Object):
        raise ValueError(f"{name}[{index}] is no object; expected one, to change {indexed['rest']} in it")  # noqa: TRY004
    _apply(item, known.items if known is not None and known.items else Definition, indexed["rest"], text, place)


def _value(text: str, known: Known | None, place: Place) -> Node:
    """
    Read the value of an override. Where text is wanted, a number or boolean is taken as it is typed: a token 007.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the value is not UTF-8; expected UTF-8") from error
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("the value is nested too deep") from error
    except ValueError:
        value = text
    wants_text = known is not None and known.kind is not None and known.kind.textual
    return planted(text if wants_text and isinstance(value, (bool, int, float)) else value, place)


def _refuse(constant: str) -> NoReturn:
    """
    NaN and Infinity are no JSON, though Python reads them.
    """
    raise ValueError(constant)


def _finite(text: str) -> float:
    """
    Nor is a number that no float can hold.
    """
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _take_out(node: Object, name: str, keys: Table, prefix: str = "") -> None:
    """
    Remove from *node* all that is called *name* or is in it.
    """
    kept = []
    for member in node.members:
        dotted = prefix + member.key
        canonical = keys.names.get(dotted, dotted)
        if canonical == name or canonical.startswith(f"{name}."):
            continue
        if isinstance(member.value, Object):
            _take_out(member.value, name, keys, f"{dotted}.")
        kept.append(member)
    node.members[:] = kept


def _put(node: Object, name: str, value: Node, place: Place) -> None:
    """
    Add *value* as *name*, as deep as there are objects for it, or none in the way.
    """
    step, dot, rest = name.partition(".")
    below = node.get(step)
    if not dot or (below is not None and not isinstance(below, Object)):
        node.members.append(Member(name, place, value))
        return
    if below is None:
        below = Object(place)
        node.members.append(Member(step, place, below))
    _put(below, rest, value, place)


def _find(node: Object, name: str, keys: Table, prefix: str = "") -> Node | None:
    """
    The value of *name* in *node*, however it is written.
    """
    for member in node.members:
        dotted = prefix + member.key
        if keys.names.get(dotted, dotted) == name:
            return member.value
        if isinstance(member.value, Object) and (found := _find(member.value, name, keys, f"{dotted}.")) is not None:
            return found
    return None
