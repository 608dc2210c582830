"""
A file with some keys of a description, which are to change in another one: `eas-host modify -s`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from eas_host.description.diagnostics.diagnostics import Diagnostics
from eas_host.description.diagnostics.errors import Errors
from eas_host.description.diagnostics.wording import format_value
from eas_host.description.reader import read_text
from eas_host.description.syntax.json_tree import to_python
from eas_host.description.syntax.lenient_json import parse
from eas_host.errors import ConfigError

_MERGED: Final = frozenset({"metadata", "runtime", "autoscaler"})
"""Keys whose objects are settings, each for itself. Any other object, such as `model_config`, is one value."""


def read_changes(path: Path) -> dict[str, Any]:
    """
    Read the changes in *path*: values by the names of their keys, such as `metadata.instance`. The values are not
    checked.

    Raises:
        ConfigError: it cannot be read, or is no JSON object.
    """
    errors = Errors(str(path))
    diagnostics = Diagnostics(errors, cloud_values={})
    root = parse(read_text(path, diagnostics), str(path), errors, diagnostics.notes)
    errors.check()
    found = to_python(root) if root is not None else None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: found {format_value(found)}; expected the keys to change, in {{ }}")
    return dict(_flat(found))


def to_overrides(changes: Mapping[str, Any]) -> list[str]:
    """
    Write *changes* as `-D` has them; null removes a key.
    """
    return [f"{key}={'' if value is None else json.dumps(value)}" for key, value in changes.items()]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name.partition(".")[0] in _MERGED:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
