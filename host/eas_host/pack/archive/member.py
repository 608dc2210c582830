"""
The members of an archive.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath


class MemberType(Enum):
    """
    What a member can be. The archives of packages hold nothing else: no devices, no hard links.
    """

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True)
class ArchiveMember:
    """
    One member of an archive.

    Attributes:
        name: its path in the archive, with slashes between its parts and none at its beginning.
        type: what it is.
        source: the file on this machine that has a file's content.
        link: the target of a link, relative to the link's own folder.
        size: a file's size in bytes.
        executable: whether a file can be executed.
    """

    name: str
    type: MemberType
    source: Path | None = None
    link: str = ""
    size: int = 0
    executable: bool = False


@dataclass(frozen=True)
class FollowedLink:
    """
    A link that led out of the packed folder and was replaced by the file or folder that it leads to.
    """

    name: str
    source: Path


@dataclass(frozen=True)
class LeftOutFile:
    """
    A file, or a folder with its contents, that does not go into the archive.

    Attributes:
        name: its path where what is packed lies; that of a folder ends with a slash.
        size: its size in bytes, with all contents.
        reason: why.
    """

    name: str
    size: int
    reason: str


@dataclass(frozen=True)
class PackedArchive:
    """
    An archive that has been written, or that would be.

    Attributes:
        path: its absolute path.
        members: its members.
        packed_size: its own size in bytes; None if nothing has been written.
        followed: links out of the folder that were replaced by what they lead to.
        notes: what a user should know, one line each: a special file was left out, a venv needs its Python.
        left_out: what lies where it was packed and is not in it.
    """

    path: Path
    members: tuple[ArchiveMember, ...]
    packed_size: int | None
    followed: tuple[FollowedLink, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOutFile, ...] = ()

    @property
    def files(self) -> int:
        """
        Count the files in it.
        """
        return sum(member.type is MemberType.FILE for member in self.members)

    @property
    def size(self) -> int:
        """
        Count the bytes of all files together.
        """
        return sum(member.size for member in self.members)


def file_member(name: str, source: Path) -> ArchiveMember:
    """
    Make the member *name* from the file *source*.
    """
    status = source.stat()
    return ArchiveMember(name, MemberType.FILE, source, size=status.st_size, executable=bool(status.st_mode & 0o100))


def link_member(name: str, target: str) -> ArchiveMember:
    """
    Make the member *name*, a link to the member *target*.
    """
    return ArchiveMember(name, MemberType.LINK, link=os.path.relpath(target or ".", PurePosixPath(name).parent))


def target_of(link: ArchiveMember) -> str:
    """
    Name the member that *link* leads to; `.` is the top of the archive.
    """
    return os.path.normpath(f"{PurePosixPath(link.name).parent}/{link.link}")
