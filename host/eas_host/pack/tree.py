"""
From a folder to the members of its archive.

Strategy: only real folders are walked, so every path at hand is a real one. A link is looked at one step at a time. If
that step stays inside what is packed, the link is kept, relative; `lib64 -> lib` and `python -> python3` of a venv are
such. If it leads out, what it leads to is packed in its place, as `python -m venv --copies` would have it; a folder
that is taken in this way counts as inside while it is walked. So no member of the archive leads out of it, and it
unpacks anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.errors import EntryInvalid, EntryNotFound
from eas_host.pack import ignore
from eas_host.pack.member import Followed, Kind, Member, file_member, link_member, target_of

_ADVICE: Final = f"remove it, or name it in {ignore.NAME}"
_SPECIAL: Final = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclass(frozen=True)
class Tree:
    """
    What is to be packed of a folder; its attributes are those of `Packed`.
    """

    members: tuple[Member, ...]
    followed: tuple[Followed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    """
    A folder that is walked, and its name in the archive; *link* is the link that led to it, if one did.
    """

    real: Path
    name: str
    link: Path | None = None

    def name_of(self, path: Path) -> str | None:
        """
        The name in the archive of the real *path*; None if that is not in here.
        """
        if not path.is_relative_to(self.real):
            return None
        inner = path.relative_to(self.real).as_posix()
        return self.name if inner == "." else _join(self.name, inner)


_Places = tuple[_Place, ...]


def read_tree(folder: Path, without: Path) -> Tree:
    """
    Find what is to be packed of *folder*. The archive itself, *without*, is left out where it lies inside.

    Raises:
        EntryNotFound: there is no such folder.
        EntryInvalid: something in it cannot be read, or is a link that leads nowhere or in a circle.
        ConfigError: its `.easignore` is wrong.
    """
    if not folder.is_dir():
        raise EntryNotFound(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    root = folder.resolve()
    walk = _Walk(root, without)
    walk.folder(root, "", (_Place(root, ""),))
    members = _without_dead_links(walk.members, walk.notes)
    return Tree(tuple(members), tuple(walk.followed), tuple(walk.notes))


class _Walk:
    """
    One walk through a folder, and what it has met.
    """

    def __init__(self, root: Path, without: Path) -> None:
        self._ignored = ignore.reader(root)
        self._without = without.parent.resolve() / without.name
        self.members: list[Member] = []
        self.followed: list[Followed] = []
        self.notes: list[str] = []

    def folder(self, real: Path, name: str, places: _Places) -> None:
        """
        Take what is in the folder *real*, which is called *name* in the archive.
        """
        try:
            with os.scandir(real) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(real, error) from error
        for entry in entries:
            self._entry(entry, _join(name, entry.name), places)

    def _entry(self, entry: os.DirEntry[str], name: str, places: _Places) -> None:
        is_folder = entry.is_dir(follow_symlinks=False)
        path = Path(entry.path)
        if self._ignored(f"{name}/" if is_folder else name) or path == self._without:
            return
        if entry.is_symlink():
            self._link(path, name, places)
        elif is_folder:
            self.members.append(Member(name, Kind.FOLDER))
            self.folder(path, name, places)
        else:
            self._file(path, name)

    def _file(self, path: Path, name: str) -> None:
        try:
            special = _SPECIAL.get(stat.S_IFMT(path.stat().st_mode))
            if special:
                self.notes.append(f"{name}: {special}; left out")
            elif not _is_cache(path):
                self.members.append(file_member(name, path))
        except OSError as error:
            raise _unreadable(path, error) from error

    def _link(self, path: Path, name: str, places: _Places) -> None:
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
            self.followed += [Followed(name, final)] * (len(self.members) - before)

    def _folder_outside(self, path: Path, final: Path, name: str, places: _Places) -> None:
        """
        Take the folder *final* in the place of the link *path*.
        """
        if self._ignored(f"{name}/"):
            return
        links = (path, *(place.link for place in places if place.link is not None))
        if any(link.is_relative_to(final) for link in links):
            raise EntryInvalid(f"{path}: a link to {final}, which holds the link itself; {_ADVICE}")
        self.followed.append(Followed(name, final))
        self.members.append(Member(name, Kind.FOLDER))
        self.folder(final, name, (*places, _Place(final, name, path)))


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _unreadable(path: Path, error: OSError) -> EntryInvalid:
    return EntryInvalid(f"{path}: {error.strerror}; make it readable, or name it in {ignore.NAME}")


def _follow(path: Path, text: str) -> Path:
    """
    Where the link *path*, which says *text*, leads in the end.
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
    What the link *path*, which says *text*, names: a real folder, and in it what may be another link.
    """
    target = path.parent / text
    return target.resolve() if target.name in ("", "..") else target.parent.resolve() / target.name


def _kept(name: str, text: str, inside: str) -> Member:
    """
    Make the link *name*, which leads to *inside*; in its own words, *text*, where they hold in the archive too.
    """
    own = Member(name, Kind.LINK, link=text)
    holds = not text.startswith("/") and target_of(own) == (inside or ".")
    return own if holds else link_member(name, inside)


def _is_cache(path: Path) -> bool:
    """
    Tell whether *path* is what Python has compiled from the source beside it. Without a source it is all there is.
    """
    return path.suffix in (".pyc", ".pyo") and path.with_suffix(".py").exists()


def _without_dead_links(members: list[Member], notes: list[str]) -> list[Member]:
    """
    Leave out the links whose target has been left out, then those that led to these, and so on.
    """
    names = {".", *(member.name for member in members)}
    links = [member for member in members if member.kind is Kind.LINK]
    while dead := [link for link in links if link.name in names and target_of(link) not in names]:
        names.difference_update(link.name for link in dead)
        notes += [f"{link.name}: left out, as is {target_of(link)}, to which it leads" for link in dead]
    return [member for member in members if member.name in names]
