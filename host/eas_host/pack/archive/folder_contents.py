"""
Turns a folder into the members of its archive.

Strategy: only real folders are walked, so every path is a real one. Of each link, one step is followed. If that step
stays inside the packed folder, the link becomes a relative link, such as `lib64 -> lib` and `python -> python3` in a
venv. If it leads out, the file or folder that it leads to is packed in its place, as in `python -m venv --copies`. Such
a folder counts as inside while it is walked. So no link in the archive leads out of it, and the archive can be unpacked
anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.errors import EntryInvalid, EntryNotFound
from eas_host.pack.archive import ignore
from eas_host.pack.archive.member import (
    ArchiveMember,
    FollowedLink,
    LeftOutFile,
    MemberType,
    file_member,
    link_member,
    target_of,
)

_ADVICE: Final = f"remove it, or name it in {ignore.NAME}"
_SPECIAL: Final = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclass(frozen=True)
class FolderContents:
    """
    What is to be packed of a folder. The attributes are those of `PackedArchive`.
    """

    members: tuple[ArchiveMember, ...]
    followed: tuple[FollowedLink, ...]
    notes: tuple[str, ...]
    left_out: tuple[LeftOutFile, ...]


@dataclass(frozen=True)
class _WalkedFolder:
    """
    A folder that is being walked, with its name in the archive. *link* is the link that led to it, if one did.
    """

    real: Path
    name: str
    link: Path | None = None

    def name_of(self, path: Path) -> str | None:
        """
        Name the real *path* in the archive; None if it is not in this folder.
        """
        if not path.is_relative_to(self.real):
            return None
        inner = path.relative_to(self.real).as_posix()
        return self.name if inner == "." else _join(self.name, inner)


_WalkedFolders = tuple[_WalkedFolder, ...]


def read_folder(folder: Path, without: Path) -> FolderContents:
    """
    Find what is to be packed of *folder*. The archive itself, *without*, is left out if it lies in the folder.

    Raises:
        EntryNotFound: there is no such folder.
        EntryInvalid: something in it cannot be read, or a link leads nowhere or in a circle.
        ConfigError: its `.easignore` is wrong.
    """
    if not folder.is_dir():
        raise EntryNotFound(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    root = folder.resolve()
    walk = _FolderWalk(root, without)
    walk.folder(root, "", (_WalkedFolder(root, ""),))
    members = _without_dead_links(walk.members, walk.notes)
    return FolderContents(tuple(members), tuple(walk.followed), tuple(walk.notes), tuple(walk.left_out))


class _FolderWalk:
    """
    One walk through a folder, and what it has found so far.
    """

    def __init__(self, root: Path, without: Path) -> None:
        self._ignored = ignore.ignore_rules(root)
        self._without = without.parent.resolve() / without.name
        self.members: list[ArchiveMember] = []
        self.followed: list[FollowedLink] = []
        self.notes: list[str] = []
        self.left_out: list[LeftOutFile] = []

    def folder(self, real: Path, name: str, places: _WalkedFolders) -> None:
        """
        Add the contents of the folder *real*, which is called *name* in the archive.
        """
        try:
            with os.scandir(real) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(real, error) from error
        for entry in entries:
            self._entry(entry, _join(name, entry.name), places)

    def _entry(self, entry: os.DirEntry[str], name: str, places: _WalkedFolders) -> None:
        is_folder = entry.is_dir(follow_symlinks=False)
        path = Path(entry.path)
        shown = f"{name}/" if is_folder else name
        if reason := "the archive itself" if path == self._without else self._ignored(shown):
            self.left_out.append(LeftOutFile(shown, _size(path), reason))
            return
        if entry.is_symlink():
            self._link(path, name, places)
        elif is_folder:
            self.members.append(ArchiveMember(name, MemberType.FOLDER))
            self.folder(path, name, places)
        else:
            self._file(path, name)

    def _file(self, path: Path, name: str) -> None:
        try:
            special = _SPECIAL.get(stat.S_IFMT(path.stat().st_mode))
            if special:
                self.notes.append(f"{name}: {special}; left out")
            elif _is_cache(path):
                self.left_out.append(LeftOutFile(name, path.stat().st_size, "compiled from the .py beside it"))
            else:
                self.members.append(file_member(name, path))
        except OSError as error:
            raise _unreadable(path, error) from error

    def _link(self, path: Path, name: str, places: _WalkedFolders) -> None:
        text = str(path.readlink())
        final = _follow(path, text)
        step = _one_step(path, text)
        inside = next((found for place in reversed(places) if (found := place.name_of(step)) is not None), None)
        if inside is not None:
            self.members.append(_kept(name, text, inside))
        elif final.is_dir():
            self._folder_outside(path, final, name, places)
        else:
            before = len(self.members)
            self._file(final, name)
            self.followed += [FollowedLink(name, final)] * (len(self.members) - before)

    def _folder_outside(self, path: Path, final: Path, name: str, places: _WalkedFolders) -> None:
        """
        Add the folder *final* in the place of the link *path*.
        """
        if reason := self._ignored(f"{name}/"):
            self.left_out.append(LeftOutFile(f"{name}/", 0, reason))
            return
        links = (path, *(place.link for place in places if place.link is not None))
        if any(link.is_relative_to(final) for link in links):
            raise EntryInvalid(f"{path}: a link to {final}, which holds the link itself; {_ADVICE}")
        self.followed.append(FollowedLink(name, final))
        self.members.append(ArchiveMember(name, MemberType.FOLDER))
        self.folder(final, name, (*places, _WalkedFolder(final, name, path)))


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _size(path: Path) -> int:
    """
    Add up the sizes of the file *path*, or of all files below the folder, as far as they can be read.
    """
    paths = [path] if path.is_symlink() or not path.is_dir() else path.rglob("*")
    size = 0
    for one in paths:
        with contextlib.suppress(OSError):
            status = one.lstat()
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return size


def _unreadable(path: Path, error: OSError) -> EntryInvalid:
    return EntryInvalid(f"{path}: {error.strerror}; make it readable, or name it in {ignore.NAME}")


def _follow(path: Path, text: str) -> Path:
    """
    Follow the link *path*, whose target is *text*, to its end.
    """
    try:
        return Path(os.path.realpath(path, strict=True))  # Path.resolve calls a circle a RuntimeError, up to 3.12
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise EntryInvalid(f"{path}: a link that leads in a circle; {_ADVICE}") from error
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise EntryInvalid(f"{path}: a link to {text}, which is not there; {_ADVICE}") from error
        raise _unreadable(path, error) from error


def _one_step(path: Path, text: str) -> Path:
    """
    Follow the link *path*, whose target is *text*, by one step. The result is in a real folder, and can be a link.
    """
    target = path.parent / text
    return target.resolve() if target.name in ("", "..") else target.parent.resolve() / target.name


def _kept(name: str, text: str, inside: str) -> ArchiveMember:
    """
    Make the link *name*, which leads to *inside*. It keeps its own target *text* if that is right in the archive, too.
    """
    own = ArchiveMember(name, MemberType.LINK, link=text)
    holds = not text.startswith("/") and target_of(own) == (inside or ".")
    return own if holds else link_member(name, inside)


def _is_cache(path: Path) -> bool:
    """
    Tell whether *path* is bytecode that Python has compiled from the source beside it. Bytecode without a source is
    packed, because nothing else has its code.
    """
    return path.suffix in (".pyc", ".pyo") and path.with_suffix(".py").exists()


def _without_dead_links(members: list[ArchiveMember], notes: list[str]) -> list[ArchiveMember]:
    """
    Leave out the links whose target was left out, then the links to these, and so on.
    """
    names = {".", *(member.name for member in members)}
    links = [member for member in members if member.type is MemberType.LINK]
    while dead := [link for link in links if link.name in names and target_of(link) not in names]:
        names.difference_update(link.name for link in dead)
        notes += [f"{link.name}: left out, as is {target_of(link)}, to which it leads" for link in dead]
    return [member for member in members if member.name in names]
