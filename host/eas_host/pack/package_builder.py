"""
Collects the files of a package: what the user names, and what the processor needs besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from eas_host.errors import EntryInvalid
from eas_host.pack.archive.member import (
    ArchiveMember,
    FollowedLink,
    LeftOutFile,
    MemberType,
    file_member,
    link_member,
    target_of,
)
from eas_host.pack.dependencies.libraries import ExcludedLibrary


@dataclass(frozen=True)
class AddedFile:
    """
    The processor, or a file that it needs, in a package.

    Attributes:
        name: its name in the package.
        size: its size in bytes.
        source: the file on this machine.
        reason: how it was found.
    """

    name: str
    size: int
    source: Path
    reason: str


@dataclass
class PackageBuilder:
    """
    The package so far.

    Attributes:
        members: the members, by name.
        followed: as in `PackedArchive`.
        notes: as in `PackedArchive`.
        left_out: as in `PackedArchive`.
        added: the processor and the files that it needs, by name.
        excluded: the system's libraries that it needs and that are not packed, by name.
    """

    members: dict[str, ArchiveMember] = field(default_factory=dict)
    followed: tuple[FollowedLink, ...] = ()
    notes: list[str] = field(default_factory=list)
    left_out: tuple[LeftOutFile, ...] = ()
    added: dict[str, AddedFile] = field(default_factory=dict)
    excluded: dict[str, ExcludedLibrary] = field(default_factory=dict)

    def add(self, name: str, source: Path, reason: str) -> None:
        """
        Add the file *source* under *name*, unless it is a member already.

        Raises:
            EntryInvalid: another file has this name.
        """
        real = source.resolve()
        there = self._source_of(name)
        if there is None:
            same = next((added.name for added in self.added.values() if added.source == real), None)
            self.members[name] = file_member(name, real) if same is None else link_member(name, same)
        elif there != real:
            raise EntryInvalid(
                f"{name}: two files have this name in the package, {there} and {real}; rename or remove one of them"
            )
        self.added.setdefault(name, AddedFile(name, real.stat().st_size, real, reason))

    def contains(self, source: Path) -> bool:
        """
        Tell whether the file *source* is a member already.
        """
        return any(member.source == source for member in self.members.values())

    def sorted_members(self) -> tuple[ArchiveMember, ...]:
        """
        List the members in the order in which they are written: each folder before its contents.
        """
        folders = {
            str(above): ArchiveMember(str(above), MemberType.FOLDER) for name in self.members for above in _above(name)
        }
        return tuple(sorted((folders | self.members).values(), key=lambda member: member.name.split("/")))

    def _source_of(self, name: str) -> Path | None:
        """
        Find the file of the member *name*; if the member is a link, the file that it leads to.
        """
        member = self.members.get(name)
        while member is not None and member.type is MemberType.LINK:
            member = self.members.get(target_of(member))
        return None if member is None else member.source


def _above(name: str) -> Iterator[PurePosixPath]:
    yield from (above for above in PurePosixPath(name).parents if above.name)
