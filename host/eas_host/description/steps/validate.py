"""
pydantic reads each single value; what it rejects becomes an error with a location.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from eas_host.description.diagnostics.diagnostics import DataPath, Diagnostics
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.keys.definitions import ServiceDefinition

_WRONG_TYPES: Final = {
    "list_type": "is not a list; expected one, in [ ]",
    "model_type": "is not an object; expected one, in {{ }}",
}


def validate(data: dict[str, Any], diagnostics: Diagnostics) -> ServiceDefinition:
    """
    Read all values of *data*. Wrong values are reported and removed, as if they were not there, so that the next steps
    can check the others.
    """
    try:
        return ServiceDefinition.model_validate(data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            wrong_type = _WRONG_TYPES.get(fault["type"])
            text = f"{format_value(fault['input'])} {wrong_type.format()}" if wrong_type else fault["msg"]
            diagnostics.add_error(diagnostics.locate(fault["loc"]), text)
            diagnostics.rejected.add(fault["loc"])
            _remove(data, fault["loc"])
    return ServiceDefinition.model_validate(data)


def _remove(data: Any, data_path: DataPath) -> None:  # noqa: ANN401  dictionaries and lists
    *way, last = data_path
    for step in way:
        data = data[step]
    data[last] = {}
    if isinstance(data, dict):  # an item of a list becomes empty: without it, those behind it would get other numbers
        del data[last]
