"""
What `eas-host autoscale` is asked for: keys of the object `autoscaler` of a description, such as `strategies.qps`.

The values are checked where all descriptions are, by `cluster.cluster_settings`. The names are checked here: in a
description an unknown one may be of EAS's cloud, on a command line it is misspelt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eas_host.errors import ConfigError

_OBJECT: Final = "autoscaler"
_KEYS: Final = (
    "min",
    "max",
    "strategies.cpu",
    "strategies.qps",
    "strategies.custom[METRIC]",
    "behavior.scaleUp.stabilizationWindowSeconds",
    "behavior.scaleDown.stabilizationWindowSeconds",
)
_CUSTOM: Final = re.compile(r"strategies\.custom\[[^\[\]]+\]")


def read_file(path: str) -> dict[str, Any]:
    """
    Read the file of `-s`: the object `autoscaler`, or a description that has one.

    Raises:
        ConfigError: it cannot be read, is none, or has a key that is none.
    """
    from eas_host.description.changes import read_changes  # noqa: PLC0415  only needed for -s

    found = read_changes(Path(path))
    start = f"{_OBJECT}."
    if any(key.startswith(start) for key in found):
        found = {key[len(start) :]: value for key, value in found.items() if key.startswith(start)}
    keys = dict(_flat(found))
    for key in keys:
        _check_name(path, key)
    return keys


def apply_words(keys: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """
    Change *keys* by the *words* of `-D`, each `KEY=VALUE`; an empty value removes a key.

    Raises:
        ConfigError: one is none, or has a key that is none.
    """
    changed = dict(keys)
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip().removeprefix(f"{_OBJECT}.")
        if not equals:
            raise ConfigError(f"-D {word}: expected KEY=VALUE, such as -D max=3")
        _check_name("-D", key)
        changed.pop(key, None)
        if text:
            changed[key] = _value(text)
    return changed


def _check_name(where: str, key: str) -> None:
    if key in _KEYS or _CUSTOM.fullmatch(key):
        return
    from eas_host.config.suggestions import near  # noqa: PLC0415  only needed for a mistake

    meant = near(key, _KEYS)
    hint = f"did you mean {meant}?" if meant else f"expected {', '.join(_KEYS[:-1])} or {_KEYS[-1]}"
    raise ConfigError(f"{where}: {key!r} is no key of an autoscaler in a cluster; {hint}")


def _value(text: str) -> Any:  # noqa: ANN401  any JSON
    try:
        return json.loads(text)
    except ValueError:
        return text


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value
