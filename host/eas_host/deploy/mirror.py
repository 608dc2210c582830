"""
How a folder or a file that is not ours appears in a workspace.

A program must not see the difference, `../../model` from its working directory must be the workspace's model, and a
version must keep its code while the user goes on editing: an overwritten `.so` crashes the process that has it mapped.
So folders are made, code and small files are copied, and other files are links to the originals. What is large and no
code, such as a Python environment, is linked as a whole folder.

Root makes it of folders that another user may be changing, who will own what was copied: each folder is opened below
the one that was named, without following links, and its files by their names in it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from eas_host.system import contained

SMALL: Final = 64 * 1024
"""A file up to this size is copied: as quickly as a link is followed a few times."""
KEPT: Final = 64 * 2**20
"""A download up to this size is copied out of the cache: 0.05 s from the page cache."""
MOST_FILES: Final = 20_000
"""Links take 10 us each; beyond these a folder holds data, not a program."""
_CODE: Final = re.compile(r"\.(py|so|jar|war|class)$|\.so(\.\d+)+$")
_WHOLE: Final = frozenset({"ENV", "node_modules"})
_SKIPPED: Final = frozenset({"__pycache__"})
READ_ONLY: Final = 0o444
_FICLONE: Final = 0x40049409
"""ioctl_ficlone(2): a copy that shares its blocks until it is written to, on btrfs and xfs."""

Wanted = Callable[[os.DirEntry[str]], bool]


def is_code(name: str) -> bool:
    """
    Whether a file called *name* is part of a program.
    """
    return _CODE.search(name) is not None


def code_or_small(entry: os.DirEntry[str]) -> bool:
    """
    Whether a file of the user's is copied.
    """
    return is_code(entry.name) or _size(entry) <= SMALL


def not_huge(entry: os.DirEntry[str]) -> bool:
    """
    Whether a file of the cache is copied.
    """
    return _size(entry) <= KEPT


def mirror(source: Path, target: Path, copied: Wanted, avoided: Path, *, by_name: bool = False) -> None:
    """
    Make the folder *target* look like *source*.

    Args:
        source: a folder, absolute.
        target: a folder that is there and empty.
        copied: tells of a file whether it is copied; others are linked.
        avoided: a folder that is left out, since *target* lies in it.
        by_name: as for `show`.

    Raises:
        OSError: *source* cannot be read, or *target* not be written.
    """
    waiting = deque([(source, target)])  # the top folders first: what is beyond the limit lies deep
    files = 0
    while waiting:
        folder, copy = waiting.popleft()
        with _listed(source, folder) as (opened, entries):
            files += len(entries)
            if files > MOST_FILES and folder != source and not by_name:
                copy.rmdir()
                copy.symlink_to(folder)
                continue
            for entry in entries:
                original, place = folder / entry.name, copy / entry.name
                if entry.is_symlink():
                    place.symlink_to(_link_text(original, opened, source))
                elif not entry.is_dir():
                    if not (entry.is_file() and copied(entry) and _is_copied(opened, entry.name, place)):
                        show(original, place, by_name=by_name and entry.is_file())
                elif _same(entry, avoided) or entry.name in _SKIPPED:
                    continue
                elif not by_name and _is_linked(entry, opened):
                    place.symlink_to(original)
                else:
                    place.mkdir()
                    waiting.append((original, place))


def copy_file(source: Path, target: Path) -> None:
    """
    Copy *source* with its times and its right to run; without reading it where the file system is able to.
    """
    with source.open("rb") as read:
        _copy(read, target)


def copy_own(folder: Path | int, name: str, target: Path) -> None:
    """
    Copy the file *name* in *folder*, a path or a descriptor; no link in its place.
    """
    with os.fdopen(contained.open_file(folder, name), "rb") as read:
        _copy(read, target)


def _copy(read: BinaryIO, target: Path) -> None:
    with target.open("xb") as written:
        try:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, written, 2**20)
    shutil.copystat(f"/proc/self/fd/{read.fileno()}", target)
    target.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def flat(source: Path, target: Path) -> None:
    """
    Make the folder *target* look like *source*, without going deeper: libraries and jars are copied, others linked.

    Raises:
        OSError: as for `mirror`.
    """
    with _listed(source, source) as (opened, entries):
        for entry in entries:
            original, place = source / entry.name, target / entry.name
            if entry.is_symlink():
                place.symlink_to(_link_text(original, opened, source))
            elif entry.is_file() and is_code(entry.name) and not entry.name.endswith(".py"):
                copy_own(opened, entry.name, place)
            else:
                place.symlink_to(original)


def show(source: Path, target: Path, *, by_name: bool) -> None:
    """
    Have the file *source* at *target*, uncopied: as a link or, if *by_name*, as a further name of the file. That serves
    who cannot look into the folder of *source*; everybody may read the file then.
    """
    if not by_name:
        target.symlink_to(source)
        return
    source.chmod(READ_ONLY)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            raise
        copy_file(source, target)


@contextmanager
def _listed(root: Path, folder: Path) -> Iterator[tuple[int, list[os.DirEntry[str]]]]:
    """
    Have *folder*, which lies in *root*, opened, and what is in it.
    """
    opened = contained.open_folder(root, folder.relative_to(root))
    try:
        with os.scandir(opened) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        yield opened, entries
    finally:
        os.close(opened)


def _is_linked(folder: os.DirEntry[str], above: int) -> bool:
    """
    Whether a folder of the user's is linked as a whole.
    """
    if folder.name in _WHOLE or folder.name.startswith("."):
        return True
    return not os.access(folder.name, os.R_OK | os.X_OK, dir_fd=above)


def _is_copied(folder: int, name: str, place: Path) -> bool:
    """
    Copy a file; False if this user may not read it.
    """
    try:
        copy_own(folder, name, place)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        return False
    return True


def _link_text(link: Path, above: int, root: Path) -> str:
    """
    What a copy of *link* must say: the same, if that stays inside *root*; else where it leads from there.

    Two names of one library must stay so: the dynamic linker would load a second copy beside the first.
    """
    text = os.readlink(link.name, dir_fd=above)
    leads = os.path.normpath(link.parent / text)
    inside = not os.path.isabs(text) and Path(leads).is_relative_to(root)  # noqa: PTH117
    return text if inside else leads


def _same(entry: os.DirEntry[str], folder: Path) -> bool:
    try:
        return os.path.samestat(entry.stat(), folder.stat())
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int:
    return entry.stat().st_size
