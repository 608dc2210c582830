"""
Numbers of EAS's descriptions as quantities of Kubernetes, and what else their values may be.

Each function reads one value, and raises ValueError for one that does not fit: its text follows the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from eas_host.description.diagnostics.wording import format_value

_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3}0*)?", re.ASCII)
_SIZE: Final = re.compile(r"[1-9][0-9]{0,8}([KMGT]i?)", re.ASCII)
_PERCENT: Final = re.compile(r"[0-9]{1,3}%", re.ASCII)


def whole(unit: str, low: int, high: int) -> Callable[[Any], int]:
    """
    Make a reader of whole numbers of *unit*, from *low* to *high*.
    """

    def read(value: Any) -> int:  # noqa: ANN401  whatever JSON holds
        number = _number(value)
        if number is None or number != int(number) or not low <= number <= high:
            raise ValueError(f"{format_value(value)} is no number of {unit}; expected a whole one from {low} to {high}")
        return int(number)

    return read


def thousandths(unit: str) -> Callable[[Any], str]:
    """
    Make a reader of numbers of *unit*, more than 0, with up to three decimals: 2 is `2`, and 0.5 is `500m`.
    """

    def read(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        number = _number(value)
        if not number:
            raise ValueError(
                f"{format_value(value)} is no number of {unit}; expected one above 0 with up to three decimals,"
                " such as 2 or 0.5"
            )
        return str(int(number)) if number == int(number) else f"{int(number * 1000)}m"

    return read


def size(unit: str, ending: str) -> Callable[[Any], str]:
    """
    Make a reader of whole numbers of *unit*, which Kubernetes calls *ending*.
    """
    read = whole(unit, 1, 999_999_999)
    return lambda value: f"{read(value)}{ending}"


def size_with_unit(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Read a size that has its unit, such as 30Gi.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not _SIZE.fullmatch(text):
        raise ValueError(f"{format_value(value)} is no size; expected one such as 30Gi")
    return text


def count_or_percent(value: Any) -> int | str:  # noqa: ANN401  whatever JSON holds
    """
    Read a number of pods, or a share of them.
    """
    text = str(value).strip()
    if isinstance(value, str) and _PERCENT.fullmatch(text) and int(text[:-1]) <= 100:  # noqa: PLR2004  percent
        return f"{int(text[:-1])}%"
    number = _number(value)
    if number is None or number != int(number):
        raise ValueError(f"{format_value(value)} is no number of instances; expected one such as 1, or 25%")
    return int(number)


def one_of(*choices: str) -> Callable[[Any], str]:
    """
    Make a reader of one of the *choices*, in lower case or upper case.
    """

    def read(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in choices:
            raise ValueError(f"{format_value(value)} is unknown; expected {', '.join(choices[:-1])} or {choices[-1]}")
        return word

    return read


def boolean(value: Any) -> bool:  # noqa: ANN401  whatever JSON holds
    """
    Read true or false, also as a text.
    """
    return one_of("true", "false")(str(value)) == "true"


def printable(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Read a text of one line.
    """
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{format_value(value)} is not a text of one line; expected one")
    return value.strip()


def absolute_path(value: Any) -> str:  # noqa: ANN401  whatever JSON holds
    """
    Read the path of a folder that can be mounted.
    """
    path = printable(value)
    if not path.startswith("/") or ":" in path or ".." in path.split("/"):
        raise ValueError(f"{format_value(value)} cannot be mounted; expected an absolute path without : and ..")
    return path


def _number(value: Any) -> Decimal | None:  # noqa: ANN401  whatever JSON holds
    text = str(value).strip() if isinstance(value, (int, float, str)) and not isinstance(value, bool) else ""
    return Decimal(text) if _NUMBER.fullmatch(text) else None
