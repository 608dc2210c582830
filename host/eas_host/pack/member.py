"""
What goes into an archive: members, each with its name there, in the order in which they are written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath


class Kind(Enum):
    """
    What a member is. There is nothing else in our archives: no devices, no hard links.
    """

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True)
class Member:
    """
    One member of an archive.

    Attributes:
        name: its path in the archive, with slashes and without a leading one.
        kind: what it is.
        source: where a file's content comes from.
        link: what a link leads to, relative to the link's own folder.
        size: a file's size in bytes.
        runs: whether a file is one that can be executed.
    """

    name: str
    kind: Kind
    source: Path | None = None
    link: str = ""
    size: int = 0
    runs: bool = False


@dataclass(frozen=True)
class Followed:
    """
    A link out of what is packed, replaced by the file or folder that it leads to.
    """

    name: str
    source: Path


@dataclass(frozen=True)
class Packed:
    """
    An archive that has been written.

    Attributes:
        path: where it is, absolute.
        members: what is in it.
        packed_size: its own size in bytes.
        followed: links out of the folder that were replaced by what they lead to.
        notes: one line each for what a user should know: a special file left out, a venv that is not self-contained.
    """

    path: Path
    members: tuple[Member, ...]
    packed_size: int
    followed: tuple[Followed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """
        How many files it holds.
        """
        return sum(member.kind is Kind.FILE for member in self.members)

    @property
    def size(self) -> int:
        """
        How many bytes they have together.
        """
        return sum(member.size for member in self.members)


def file_member(name: str, source: Path) -> Member:
    """
    Make the member *name* from the file *source*.
    """
    status = source.stat()
    return Member(name, Kind.FILE, source, size=status.st_size, runs=bool(status.st_mode & 0o100))


def link_member(name: str, target: str) -> Member:
    """
    Make the member *name*, a link to the member *target*.
    """
    return Member(name, Kind.LINK, link=os.path.relpath(target or ".", PurePosixPath(name).parent))


def target_of(link: Member) -> str:
    """
    The name of the member that *link* leads to; `.` is the archive's top.
    """
    return os.path.normpath(f"{PurePosixPath(link.name).parent}/{link.link}")
