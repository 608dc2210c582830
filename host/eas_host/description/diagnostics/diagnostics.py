"""
What the steps of the reader collect on the way from the file to the values.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from eas_host.description.description import CloudValue
from eas_host.description.diagnostics.errors import Errors
from eas_host.description.diagnostics.source_position import SourcePosition
from eas_host.description.diagnostics.wording import truncate

DataPath: TypeAlias = "tuple[str | int, ...]"
"""The keys and indexes that lead to a value in the data that pydantic validates; pydantic calls it `loc`."""

_MAX_LISTED: Final = 50
"""Names in one note: more than there are documented keys with the same reason."""


@dataclass(frozen=True)
class Location:
    """
    Where a value is for the user: its documented key, such as `models[0].name`, and its position.
    """

    label: str
    position: SourcePosition


@dataclass
class Diagnostics:
    """
    Errors, notes, and where each value came from.

    Attributes:
        errors: all errors so far.
        locations: the location of each value in the data for pydantic, objects and lists included.
        origins: the position of each single value, by its label.
        ignored_keys: labels of keys that have no effect here, without duplicates, by the reason.
        usual_keys: the same of those that each description for EAS has.
        unknown_keys: labels of keys that nobody knows.
        rejected: the paths of values that pydantic rejected.
        notes: other lines for the user.
        cloud_values: for `Description.cloud_values`; None if nobody asked for them.
    """

    errors: Errors
    locations: dict[DataPath, Location] = field(default_factory=dict)
    origins: dict[str, SourcePosition] = field(default_factory=dict)
    ignored_keys: dict[str, dict[str, None]] = field(default_factory=dict)
    usual_keys: dict[str, dict[str, None]] = field(default_factory=dict)
    unknown_keys: list[str] = field(default_factory=list)
    rejected: set[DataPath] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    cloud_values: dict[str, CloudValue] | None = None

    def add_error(self, location: Location, text: str) -> None:
        """
        Add an error at *location*. *text* does not name the key.
        """
        position, label = location.position, location.label
        is_named = position.line == 0 and position.source.endswith(f" {label}")
        self.errors.add(position, text if is_named or not label else f"{label}: {text}")

    def ignore_key(self, label: str, reason: str, *, usual: bool = False) -> None:
        """
        Note that the key *label* has no effect.
        """
        (self.usual_keys if usual else self.ignored_keys).setdefault(reason, {})[label] = None

    def locate(self, data_path: DataPath) -> Location:
        """
        The location of the value at *data_path*, or of the nearest object or list around it.
        """
        ends = range(len(data_path), -1, -1)
        return next(self.locations[data_path[:end]] for end in ends if data_path[:end] in self.locations)

    def all_notes(self) -> Iterator[str]:
        """
        The notes for the user; ignored keys have one for each reason.
        """
        yield from self.notes
        for reason, labels in self.ignored_keys.items():
            yield f"{_enumerate(labels)} ignored: {reason}"
        if self.unknown_keys:
            yield f"{_enumerate(self.unknown_keys)} ignored: eas-host knows no such key"

    def usual_notes(self) -> Iterator[str]:
        """
        The notes on ignored keys that each description for EAS has.
        """
        for reason, labels in self.usual_keys.items():
            yield f"{_enumerate(labels)} ignored: {reason}"


def _enumerate(labels: Collection[str]) -> str:
    """
    The *labels*, separated by commas, with `is` or `are`.
    """
    names = [truncate(label) for label in itertools.islice(labels, _MAX_LISTED)]
    more = f" and {len(labels) - _MAX_LISTED} more" if len(labels) > _MAX_LISTED else ""
    return f"{', '.join(names)}{more} {'is' if len(labels) == 1 else 'are'}"
