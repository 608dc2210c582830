"""
pydantic's part: each single value is read, and what is wrong with it becomes a mistake with a place.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from eas_host.description.definitions import Service
from eas_host.description.findings import Findings, Loc
from eas_host.description.mistakes import shown

_SHAPES: Final = {"list_type": "is no list; expected one, in [ ]", "model_type": "is no object; expected one, in {{ }}"}


def validate(settled: dict[str, Any], findings: Findings) -> Service:
    """
    Read all values of *settled*. Those that are wrong are taken out of it and are as if they were not there, so that
    what depends on the others can be checked, too.
    """
    try:
        return Service.model_validate(settled)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            shape = _SHAPES.get(fault["type"])
            text = f"{shown(fault['input'])} {shape.format()}" if shape else fault["msg"]
            findings.wrong(findings.spot(fault["loc"]), text)
            findings.dropped.add(fault["loc"])
            _take_out(settled, fault["loc"])
    return Service.model_validate(settled)


def _take_out(settled: Any, loc: Loc) -> None:  # noqa: ANN401  dictionaries and lists
    *way, last = loc
    for step in way:
        settled = settled[step]
    settled[last] = {}
    if isinstance(settled, dict):  # an item of a list stays, lest the others get other numbers
        del settled[last]
