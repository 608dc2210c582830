"""
What the reader learns about a description on its way from the file to the values.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from eas_host.description.mistakes import Mistakes, shortened
from eas_host.description.nodes import Place

Loc: TypeAlias = "tuple[str | int, ...]"
"""Where a value is in what pydantic is given."""

_LISTED: Final = 50
"""Names in one note: more than there are documented keys for any one reason."""


@dataclass(frozen=True)
class Spot:
    """
    A value as its user knows it: by its documented key, such as `models[0].name`, and its place.
    """

    label: str
    place: Place


@dataclass
class Findings:
    """
    Collected along the way.

    Attributes:
        mistakes: all of them.
        spots: where each value of pydantic's came from; objects and lists, too.
        settled: labels of the single values among them, to their places.
        ignored: keys that have no effect here, each once, by the reason.
        unknown: keys that are not known at all.
        dropped: where values were that pydantic refused.
        notes: other lines for the user.
    """

    mistakes: Mistakes
    spots: dict[Loc, Spot] = field(default_factory=dict)
    settled: dict[str, Place] = field(default_factory=dict)
    ignored: dict[str, dict[str, None]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    dropped: set[Loc] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def wrong(self, spot: Spot, text: str) -> None:
        """
        Note a mistake at *spot*; its *text* does not name the key.
        """
        named = spot.place.line == 0 and spot.place.source.endswith(f" {spot.label}")
        self.mistakes.add(spot.place, text if named or not spot.label else f"{spot.label}: {text}")

    def ignore(self, label: str, reason: str) -> None:
        """
        Note that *label* has no effect.
        """
        self.ignored.setdefault(reason, {})[label] = None

    def spot(self, loc: Loc) -> Spot:
        """
        The spot of *loc*, or of the nearest thing around it.
        """
        return next(self.spots[loc[:end]] for end in range(len(loc), -1, -1) if loc[:end] in self.spots)

    def all_notes(self) -> Iterator[str]:
        """
        The lines for the user: one for each reason to ignore keys, and the others.
        """
        yield from self.notes
        for reason, labels in self.ignored.items():
            yield f"{_listed(labels)} ignored: {reason}"
        if self.unknown:
            yield f"{_listed(self.unknown)} ignored: eas-host knows no such key"


def _listed(labels: Collection[str]) -> str:
    """
    Write *labels*, as many as anybody reads, with their verb.
    """
    names = [shortened(label) for label in itertools.islice(labels, _LISTED)]
    more = f" and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    return f"{', '.join(names)}{more} {'is' if len(labels) == 1 else 'are'}"
