"""
A folder that grows from the members of an archive, and cannot grow out of itself.

Theory: the folder is new and ours alone, so whatever is in it was put there by this object, which remembers each name
and what it is. Every rule is then a question to that memory, not to the file system:

- A name is split into its parts; an empty name, an absolute one or one with `..` is refused.
- Each folder on the way to a member must be a folder. So nothing is ever created through a link.
- Links are followed in memory, as the kernel would follow them, once all members are there: a later member can be part
  of an earlier link's way. One that leaves the folder, on its own or through others, refuses the archive.
- Members and bytes are counted as they come. What headers claim is not believed.

Files are created with O_EXCL: a name that is there already is removed first, so that the last of two files wins, as
with tar, and a hard link's other names keep their content.
"""

# ruff: noqa: PTH102, PTH108, PTH211 - names stay text: a Path for each of 200,000 members would cost as much as the rest

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
_MAX_DEPTH: Final = 250  # folders in folders; removing them takes a frame of Python's 1000 each
_MAX_PATH: Final = 4095  # PATH_MAX without its NUL
_MAX_LINKS: Final = 40  # the kernel's own limit, MAXSYMLINKS
_MAX_TIME: Final = 1 << 33  # the year 2242; a time beyond is a mistake
_NO_OTHERS: Final = 0o755  # nobody but the owner writes, whatever the archive and the umask say
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Limits:
    """
    How much an archive may unpack to.

    Attributes:
        members: files, folders and links. A large conda environment has 60,000.
        size: bytes in all.
        ratio: how many times its own size an archive may unpack to, once it is beyond *ratio_from*. Deflate makes at
            most 1032 bytes of one, packages of code and weights 2 to 20.
        ratio_from: bytes that may be unpacked at any ratio.
    """

    members: int = 200_000
    size: int = 32 << 30
    ratio: int = 200
    ratio_from: int = 1 << 30


LIMITS: Final = Limits()


class Refused(Exception):
    """
    The archive is not unpacked: because of *member*, or as a whole if that is empty.
    """

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason


class Tree:
    """
    The folder at *root*, which is new and empty. *packed* is the archive's own size.
    """

    def __init__(self, root: Path, packed: int, limits: Limits) -> None:
        self._root = f"{root}/"
        self._limits = limits
        self._largest = min(limits.size, max(limits.ratio_from, packed * limits.ratio))
        self._members = 0
        self._bytes = 0
        self._folders = {""}
        self._files: set[str] = set()
        self._links: dict[str, str] = {}

    def folder(self, member: str, mode: int) -> None:
        """
        Make a folder. One that is there already stays as it is.
        """
        name = self._count(member)
        if name in self._folders:
            return
        self._make_way(name, member)
        self._refuse_other(name, member, self._files, self._links)
        os.mkdir(self._root + name, mode & _NO_OTHERS | 0o700)
        self._folders.add(name)

    @contextmanager
    def file(self, member: str, mode: int, mtime: float) -> Iterator[int]:
        """
        Make a file and lend its descriptor. It is readable and writable for its owner, whatever *mode* says.
        """
        name = self._place(member)
        self._refuse_other(name, member, self._folders, self._links)
        if name in self._files:
            os.unlink(self._root + name)
        file = os.open(self._root + name, _NEW, mode & _NO_OTHERS | 0o600)
        try:
            self._files.add(name)
            yield file
            if 0 <= mtime < _MAX_TIME:
                os.utime(file, (mtime, mtime))  # Python compares it with the one in a .pyc
        finally:
            os.close(file)

    def link(self, member: str, target: str) -> None:
        """
        Make a symbolic link. Where it leads in the end is a question for `settle`.
        """
        name = self._place(member)
        self._refuse_other(name, member, self._folders, self._files)
        if not target or "\0" in target or len(os.fsencode(target)) > _MAX_PATH:
            raise Refused(member, "is a link to nothing that can be a name")
        if target.startswith("/") or _DRIVE.match(target):
            raise Refused(member, f"is a link to {shown(target)}, which is absolute")
        self._put_link(name, target)

    def same(self, member: str, other: str) -> None:
        """
        Make a hard link to the file, or the link, that an earlier member called *other*.
        """
        name = self._place(member)
        earlier = "/".join(_parts(member, other, "is a hard link to a name that"))
        if name == earlier and (name in self._files or name in self._links):
            return
        if earlier in self._links:
            self._refuse_other(name, member, self._folders, self._files)
            self._put_link(name, self._links[earlier])
        elif earlier in self._files:
            self._refuse_other(name, member, self._folders, self._links)
            if name in self._files:
                os.unlink(self._root + name)
            self._files.add(name)
            _link_or_copy(self._root + earlier, self._root + name)
        else:
            raise Refused(member, f"is a hard link to {shown(other)}, which is no earlier file of the archive")

    def take(self, member: str, size: int) -> None:
        """
        Count *size* bytes that were unpacked for *member*.
        """
        self._bytes += size
        if self._bytes > self._largest:
            limit = "the limit" if self._largest == self._limits.size else f"{self._limits.ratio} times its own size"
            raise Refused(member, f"makes the archive unpack to more than {limit}, {self._largest:,} bytes")

    def settle(self) -> None:
        """
        Follow every link to its end, and refuse one that leaves the folder.
        """
        ends: dict[str, tuple[str, ...]] = {}
        for name in self._links:
            self._follow(name, ends, 0)

    def _follow(self, name: str, ends: dict[str, tuple[str, ...]], depth: int) -> tuple[str, ...]:
        if name in ends:
            return ends[name]
        if depth > _MAX_LINKS:
            raise Refused(name, "is a link in a chain that is too long, or a circle")
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
                raise Refused(name, f"is a link to {shown(target)}, which leaves the folder")
        ends[name] = tuple(at)
        return ends[name]

    def _count(self, member: str) -> str:
        self._members += 1
        if self._members > self._limits.members:
            raise Refused("", f"it has more than {self._limits.members:,} members")
        return "/".join(_parts(member, member, "has a name that"))

    def _place(self, member: str) -> str:
        name = self._count(member)
        if not name:
            raise Refused(member, "has a name that means the folder itself")
        self._make_way(name, member)
        return name

    def _make_way(self, name: str, member: str) -> None:
        """
        Make the folders that *name* is in.
        """
        above = name.rpartition("/")[0]
        if above in self._folders:
            return
        self._make_way(above, member)
        if above in self._links:
            raise Refused(member, f"would be written through the link {shown(above)}")
        if above in self._files:
            raise Refused(member, f"is in a folder {shown(above)}, which is a file in the same archive")
        os.mkdir(self._root + above, _NO_OTHERS)
        self._folders.add(above)

    def _refuse_other(self, name: str, member: str, *others: set[str] | dict[str, str]) -> None:
        if any(name in other for other in others):
            raise Refused(member, "is there twice, as two different things")

    def _put_link(self, name: str, target: str) -> None:
        if name in self._links:
            os.unlink(self._root + name)
        os.symlink(target, self._root + name)
        self._links[name] = target


def shown(name: str) -> str:
    """
    Quote a name that may hold anything, so that it neither breaks the line nor speaks to the terminal.
    """
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return f"'{text[:117]}...'" if len(text) > 120 else f"'{text}'"  # noqa: PLR2004  what fits a line


def _parts(member: str, name: str, what: str) -> list[str]:
    """
    Split *name*, which *member* gives, into the parts that count.
    """
    if name.startswith("/") or _DRIVE.match(name):
        raise Refused(member, f"{what} is absolute")
    if "\0" in name:
        raise Refused(member, f"{what} holds a NUL")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise Refused(member, f"{what} leads out of the folder")
    if len(parts) > _MAX_DEPTH:
        raise Refused(member, f"{what} has more than {_MAX_DEPTH} folders in one another")
    return parts


def _link_or_copy(earlier: str, name: str) -> None:
    try:
        os.link(earlier, name, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        shutil.copy2(earlier, name)  # a file system without hard links, or enough of them
