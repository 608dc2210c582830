"""
The folder that takes the members of an archive. No member can write outside it.

Theory: the folder is new, and only this object writes to it. The object remembers each name and whether it is a file, a
folder or a link. So every rule is checked in memory, and not in the file system:

- A name is split into its parts. An empty name, an absolute name and a name with `..` are rejected.
- Everything on the path to a member must be a folder. So nothing is ever created through a link.
- Links are followed in memory, as the kernel would follow them, when all members are there, because a later member can
  lie on the path of an earlier link. If a link leads out of the folder, directly or through others, the archive is
  rejected.
- Members and bytes are counted as they are unpacked. The sizes in headers are not believed.

Files are created with O_EXCL. A file of the same name is removed first. So the last of two files wins, as with tar, and
the other names of a hard link keep their content.
"""

# ruff: noqa: PTH102, PTH108, PTH211 - names are strings: a Path for each of 200,000 members would double the time

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_MAX_DEPTH: Final = 250  # nested folders; to remove them, Python needs a frame for each, and has 1000
_MAX_PATH: Final = 4095  # PATH_MAX without its NUL
_MAX_LINKS: Final = 40  # the kernel's own limit, MAXSYMLINKS
_MAX_TIME: Final = 1 << 33  # the year 2242; a time beyond is a mistake
_NO_OTHERS: Final = 0o755  # nobody but the owner writes, whatever the archive and the umask say
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class UnpackLimits:
    """
    How much an archive may unpack to.

    Attributes:
        members: files, folders and links. A large conda environment has 60,000.
        size: bytes of all members together.
        ratio: how many times its own size an archive may unpack to, if that is more than *ratio_from*. Deflate makes at
            most 1032 bytes from one; archives of code and weights have a ratio of 2 to 20.
        ratio_from: bytes that may be unpacked at any ratio.
    """

    members: int = 200_000
    size: int = 32 << 30
    ratio: int = 200
    ratio_from: int = 1 << 30


DEFAULT_LIMITS: Final = UnpackLimits()


class ArchiveRejected(Exception):
    """
    The archive is not unpacked, because of *member*; "" if the reason is no single member.
    """

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason


class ExtractionDir:
    """
    The folder at *root*, which is new and empty. *archive_size* is the archive's own size in bytes.
    """

    def __init__(self, root: Path, archive_size: int, limits: UnpackLimits) -> None:
        self._root = f"{root}/"
        self._limits = limits
        self._max_bytes = min(limits.size, max(limits.ratio_from, archive_size * limits.ratio))
        self._members = 0
        self._bytes = 0
        self._folders = {""}
        self._files: set[str] = set()
        self._links: dict[str, str] = {}

    def make_folder(self, member: str, mode: int) -> None:
        """
        Make a folder. A folder that is there already stays as it is.
        """
        name = self._count_member(member)
        if name in self._folders:
            return
        self._make_parents(name, member)
        self._check_not_in(name, member, self._files, self._links)
        os.mkdir(self._root + name, mode & _NO_OTHERS | 0o700)
        self._folders.add(name)

    @contextmanager
    def new_file(self, member: str, mode: int, mtime: float) -> Iterator[int]:
        """
        Make a file and lend its descriptor. Its owner may read and write it, whatever *mode* says.
        """
        name = self._prepare(member)
        self._check_not_in(name, member, self._folders, self._links)
        if name in self._files:
            os.unlink(self._root + name)
        file = os.open(self._root + name, _NEW, mode & _NO_OTHERS | 0o600)
        try:
            self._files.add(name)
            yield file
            if 0 <= mtime < _MAX_TIME:
                os.utime(file, (mtime, mtime))  # Python compares it with the time in a .pyc file
        finally:
            os.close(file)

    def symlink(self, member: str, target: str) -> None:
        """
        Make a symbolic link. `check_links` checks later where it leads.
        """
        name = self._prepare(member)
        self._check_not_in(name, member, self._folders, self._files)
        if not target or "\0" in target or len(os.fsencode(target)) > _MAX_PATH:
            raise ArchiveRejected(member, "is a link whose target cannot be a path")
        if target.startswith("/") or _DRIVE.match(target):
            raise ArchiveRejected(member, f"is a link to {quote_name(target)}, which is absolute")
        self._put_link(name, target)

    def hard_link(self, member: str, other: str) -> None:
        """
        Make a hard link to *other*, an earlier member that is a file or a symbolic link.
        """
        name = self._prepare(member)
        earlier = "/".join(_parts(member, other, "is a hard link to a name that"))
        if name == earlier and (name in self._files or name in self._links):
            return
        if earlier in self._links:
            self._check_not_in(name, member, self._folders, self._files)
            self._put_link(name, self._links[earlier])
        elif earlier in self._files:
            self._check_not_in(name, member, self._folders, self._links)
            if name in self._files:
                os.unlink(self._root + name)
            self._files.add(name)
            _link_or_copy(self._root + earlier, self._root + name)
        else:
            raise ArchiveRejected(
                member, f"is a hard link to {quote_name(other)}, which is no earlier file of the archive"
            )

    def count_bytes(self, member: str, size: int) -> None:
        """
        Count *size* bytes that were unpacked for *member*.
        """
        self._bytes += size
        if self._bytes > self._max_bytes:
            limit = "the limit" if self._max_bytes == self._limits.size else f"{self._limits.ratio} times its own size"
            raise ArchiveRejected(member, f"makes the archive unpack to more than {limit}, {self._max_bytes:,} bytes")

    def check_links(self) -> None:
        """
        Follow every link to its end, and reject the archive if one leaves the folder.
        """
        ends: dict[str, tuple[str, ...]] = {}
        for name in self._links:
            self._follow(name, ends, 0)

    def _follow(self, name: str, ends: dict[str, tuple[str, ...]], depth: int) -> tuple[str, ...]:
        if name in ends:
            return ends[name]
        if depth > _MAX_LINKS:
            raise ArchiveRejected(name, "is a link in a chain that is too long, or a circle")
        target = self._links[name]
        at = name.split("/")[:-1]
        for part in target.split("/"):
            if part in {"", "."}:
                continue
            if part != "..":
                at.append(part)
                if (here := "/".join(at)) in self._links:
                    at = list(self._follow(here, ends, depth + 1))
            elif at:
                at.pop()
            else:
                raise ArchiveRejected(name, f"is a link to {quote_name(target)}, which leaves the folder")
        ends[name] = tuple(at)
        return ends[name]

    def _count_member(self, member: str) -> str:
        """
        Count *member* and normalize its name.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveRejected("", f"it has more than {self._limits.members:,} members")
        return "/".join(_parts(member, member, "has a name that"))

    def _prepare(self, member: str) -> str:
        """
        Count *member*, normalize its name and make the folders that it is in.
        """
        name = self._count_member(member)
        if not name:
            raise ArchiveRejected(member, "has a name that means the folder itself")
        self._make_parents(name, member)
        return name

    def _make_parents(self, name: str, member: str) -> None:
        above = name.rpartition("/")[0]
        if above in self._folders:
            return
        self._make_parents(above, member)
        if above in self._links:
            raise ArchiveRejected(member, f"would be written through the link {quote_name(above)}")
        if above in self._files:
            raise ArchiveRejected(member, f"is in a folder {quote_name(above)}, which is a file in the same archive")
        os.mkdir(self._root + above, _NO_OTHERS)
        self._folders.add(above)

    def _check_not_in(self, name: str, member: str, *others: set[str] | dict[str, str]) -> None:
        if any(name in other for other in others):
            raise ArchiveRejected(member, "is there twice, as two different types of file")

    def _put_link(self, name: str, target: str) -> None:
        if name in self._links:
            os.unlink(self._root + name)
        os.symlink(target, self._root + name)
        self._links[name] = target


def quote_name(name: str) -> str:
    """
    Quote a name that can hold any character, so that it neither breaks the line nor sends commands to the terminal.
    """
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return f"'{text[:117]}...'" if len(text) > 120 else f"'{text}'"  # noqa: PLR2004  what fits a line


def _parts(member: str, name: str, what: str) -> list[str]:
    """
    Split *name*, from the header of *member*, into its parts, without empty ones and `.`.
    """
    if name.startswith("/") or _DRIVE.match(name):
        raise ArchiveRejected(member, f"{what} is absolute")
    if "\0" in name:
        raise ArchiveRejected(member, f"{what} contains a NUL")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ArchiveRejected(member, f"{what} leads out of the folder")
    if len(parts) > _MAX_DEPTH:
        raise ArchiveRejected(member, f"{what} has more than {_MAX_DEPTH} nested folders")
    return parts


def _link_or_copy(earlier: str, name: str) -> None:
    try:
        os.link(earlier, name, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        shutil.copy2(earlier, name)  # the file system has no hard links, or not enough of them
