"""
A package in the making: what the user names, and what is put beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from eas_host.errors import EntryInvalid
from eas_host.pack.libraries import Left
from eas_host.pack.member import Followed, Kind, Member, file_member, link_member, target_of


@dataclass(frozen=True)
class Taken:
    """
    A file of a package that the processor needs, or the processor.

    Attributes:
        name: its name in the package.
        size: its size.
        source: where it was.
        reason: how it was found.
    """

    name: str
    size: int
    source: Path
    reason: str


@dataclass
class Package:
    """
    What is packed so far.

    Attributes:
        members: by name.
        followed: as in `Packed`.
        notes: as in `Packed`.
        taken: the processor and what it needs.
        left: the system's libraries that it needs too, by name.
    """

    members: dict[str, Member] = field(default_factory=dict)
    followed: tuple[Followed, ...] = ()
    notes: list[str] = field(default_factory=list)
    taken: dict[str, Taken] = field(default_factory=dict)
    left: dict[str, Left] = field(default_factory=dict)

    def take(self, name: str, source: Path, reason: str) -> None:
        """
        Take the file *source* as *name*, unless it is there.

        Raises:
            EntryInvalid: something else is in its place.
        """
        real = source.resolve()
        there = self._source_of(name)
        if there is None:
            twin = next((taken.name for taken in self.taken.values() if taken.source == real), None)
            self.members[name] = file_member(name, real) if twin is None else link_member(name, twin)
        elif there != real:
            raise EntryInvalid(f"{name}: is to be {there} and {real}; rename one of them, or take one away")
        self.taken.setdefault(name, Taken(name, real.stat().st_size, real, reason))

    def holds(self, source: Path) -> bool:
        """
        Tell whether the file *source* is a member already.
        """
        return any(member.source == source for member in self.members.values())

    def sorted_members(self) -> tuple[Member, ...]:
        """
        The members as they are written: folders before what is in them.
        """
        folders = {str(above): Member(str(above), Kind.FOLDER) for name in self.members for above in _above(name)}
        return tuple(sorted((folders | self.members).values(), key=lambda member: member.name.split("/")))

    def _source_of(self, name: str) -> Path | None:
        """
        The file that the member *name* is, or leads to.
        """
        member = self.members.get(name)
        while member is not None and member.kind is Kind.LINK:
            member = self.members.get(target_of(member))
        return None if member is None else member.source


def _above(name: str) -> Iterator[PurePosixPath]:
    yield from (above for above in PurePosixPath(name).parents if above.name)
