"""
How a folder or a file that is not ours appears in a workspace.

A program must not see the difference, `../../model` from its working directory must be the workspace's model, and a
version must keep its code while the user goes on editing: an overwritten `.so` crashes the process that has it mapped.
So folders are made, code and small files are copied, and other files are links to the originals. What is large and no
code, such as a Python environment, is linked as a whole folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

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
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        files += len(entries)
        if files > MOST_FILES and folder != source and not by_name:
            copy.rmdir()
            copy.symlink_to(folder)
            continue
        for entry in entries:
            place = copy / entry.name
            if entry.is_symlink():
                place.symlink_to(_link_text(Path(entry.path), source))
            elif not entry.is_dir():
                _file(entry, place, copied, by_name=by_name)
            elif _same(entry, avoided) or entry.name in _SKIPPED:
                continue
            elif not by_name and _is_linked(entry):
                place.symlink_to(entry.path)
            else:
                place.mkdir()
                waiting.append((Path(entry.path), place))


def copy_file(source: Path, target: Path) -> None:
    """
    Copy *source* with its times and its right to run; without reading it where the file system is able to.
    """
    with source.open("rb") as read, target.open("xb") as written:
        try:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, written, 2**20)
    shutil.copystat(source, target)
    target.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def flat(source: Path, target: Path) -> None:
    """
    Make the folder *target* look like *source*, without going deeper: libraries and jars are copied, others linked.

    Raises:
        OSError: as for `mirror`.
    """
    with os.scandir(source) as scan:
        for entry in scan:
            place = target / entry.name
            if entry.is_symlink():
                place.symlink_to(_link_text(Path(entry.path), source))
            elif entry.is_file() and is_code(entry.name) and not entry.name.endswith(".py"):
                copy_file(Path(entry.path), place)
            else:
                place.symlink_to(entry.path)


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


def _is_linked(folder: os.DirEntry[str]) -> bool:
    """
    Whether a folder of the user's is linked as a whole.
    """
    if folder.name in _WHOLE or folder.name.startswith("."):
        return True
    return not os.access(folder.path, os.R_OK | os.X_OK)


def _file(entry: os.DirEntry[str], place: Path, copied: Wanted, *, by_name: bool) -> None:
    if entry.is_file() and copied(entry):
        try:
            copy_file(Path(entry.path), place)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
        else:
            return
    show(Path(entry.path), place, by_name=by_name and entry.is_file())


def _link_text(link: Path, root: Path) -> str:
    """
    What a copy of *link* must say: the same, if that stays inside *root*; else where it leads from there.

    Two names of one library must stay so: the dynamic linker would load a second copy beside the first.
    """
    text = os.readlink(link)  # noqa: PTH115  the text, unresolved
    leads = os.path.normpath(link.parent / text)
    inside = not os.path.isabs(text) and Path(leads).is_relative_to(root)  # noqa: PTH117
    return text if inside else leads


def _same(entry: os.DirEntry[str], folder: Path) -> bool:
    try:
        return os.path.samefile(entry.path, folder)  # noqa: PTH121  a DirEntry's path is text
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int:
    return entry.stat().st_size
