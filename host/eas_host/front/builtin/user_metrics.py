"""
The metrics that programs make up themselves: the newest value of each series, within bounds.

A series is a name and its tags. Both may be any text, while Prometheus knows few characters; `gauges` gives names that
it knows. Different series may then look the same to it. It must see only one of them, or it would refuse all metrics;
it sees the newest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

MAX_SERIES: Final = 1000
MAX_TAGS: Final = 32
MAX_LENGTH: Final = 256

Number = int | float

_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_]")
_OURS: Final = re.compile(r"eas_host(_|$)")


class Series(NamedTuple):
    """
    What tells one series of values from others.
    """

    name: str
    tags: tuple[tuple[str, str], ...]


class UserMetrics:
    """
    Keeps the newest value of each series.
    """

    def __init__(self) -> None:
        self._values: dict[Series, Number] = {}  # the newest last

    def put(self, items: Any) -> None:  # noqa: ANN401  whatever came as JSON
        """
        Take *items*, a list of `{"name": str, "value": number, "tags": {str: str}}`, all of them or none.

        Raises:
            ValueError: something is wrong; the text says which item and what.
        """
        if not isinstance(items, list):
            raise ValueError('expected a JSON array of {"name": text, "value": number, "tags": {text: text}}')  # noqa: TRY004
        new: dict[Series, Number] = {}
        added: set[Series] = set()
        for number, item in enumerate(items):
            try:
                series, value = _read(item)
                if series not in self._values:
                    added.add(series)
                if len(self._values) + len(added) > MAX_SERIES:
                    raise ValueError(f"there are {MAX_SERIES} series of names and tags already, the most that are kept")
            except ValueError as error:
                raise ValueError(f"item {number}: {error}") from error
            new[series] = value
        for series, value in new.items():
            self._values.pop(series, None)
            self._values[series] = value

    def items(self) -> list[dict[str, Any]]:
        """
        Return all of them, in the form in which they came.
        """
        return [
            {"name": series.name, "value": value} | ({"tags": dict(series.tags)} if series.tags else {})
            for series, value in self._values.items()
        ]

    def gauges(self) -> Mapping[str, list[tuple[dict[str, str], Number]]]:
        """
        Return all of them as Prometheus may see them: by name, with labels and value.
        """
        visible: dict[str, dict[Series, Number]] = {}
        for (name, tags), value in self._values.items():
            fit = _fit(name)
            labels = {_fit(key): text for key, text in tags}
            visible.setdefault(fit, {})[Series(fit, tuple(sorted(labels.items())))] = value
        return {
            name: [(dict(series.tags), value) for series, value in values.items()] for name, values in visible.items()
        }


def _read(item: Any) -> tuple[Series, Number]:  # noqa: ANN401  whatever came as JSON
    if not isinstance(item, dict):
        raise ValueError('expected {"name": text, "value": number, "tags": {text: text}}')  # noqa: TRY004
    name = _text(item.get("name"), "name")
    if _OURS.match(_fit(name)):
        raise ValueError(f"name {name!r} belongs to the host; choose one that does not begin with eas_host")
    tags = item.get("tags")
    if not isinstance(tags, dict | None):
        raise ValueError("tags: expected an object of texts")  # noqa: TRY004
    if len(tags or ()) > MAX_TAGS:
        raise ValueError(f"tags: expected {MAX_TAGS} at most")
    pairs = [
        (_text(key, "tags: a name"), _text(value, f"tags: {key!r}", empty=True)) for key, value in (tags or {}).items()
    ]
    return Series(name, tuple(sorted(pairs))), _number(item.get("value"))


def _text(value: Any, what: str, *, empty: bool = False) -> str:  # noqa: ANN401  whatever came as JSON
    if isinstance(value, (int, float)) and empty:
        value = str(value)  # a tag's value: {"batch": 8}
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(f"{what}: expected a text")
    if len(value) > MAX_LENGTH or not value.isprintable():
        raise ValueError(f"{what}: expected {MAX_LENGTH} printable characters at most")
    return value


def _number(value: Any) -> Number:  # noqa: ANN401  whatever came as JSON
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("value: expected a number")  # noqa: TRY004
    if not math.isfinite(value):
        raise ValueError("value: expected a finite number")
    return value


def _fit(name: str) -> str:
    """
    Replace the characters of *name* that Prometheus does not allow. It reserves names that begin with two underscores.
    """
    fit = _UNFIT.sub("_", name)
    fit = "_" + fit.lstrip("_") if fit.startswith("__") else fit
    return f"_{fit}" if fit[0].isdigit() else fit
