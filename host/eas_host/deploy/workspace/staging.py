"""
Copies folders and files of the user, or of the cache, into a workspace, or links them.

A program must not see the difference, `../../model` from its working directory must be the workspace's model, and a
version must keep its code while the user goes on editing: an overwritten `.so` crashes the process that has it mapped.
So folders are made, code and small files are copied, and other files are links to the originals. A large folder without
code, such as a Python environment, is linked as a whole.

Root may do this with folders that another user is changing, and that user will own the copies. So each folder is opened
relative to the one that was named, without following links, and its files by their names in it.
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

from eas_host.system import contained_files

MAX_SMALL_FILE: Final = 64 * 1024
"""A file up to this size is copied; that takes as long as following a link a few times."""
MAX_COPIED_DOWNLOAD: Final = 64 * 2**20
"""A download up to this size is copied out of the cache: 0.05 s from the page cache."""
MAX_FILES: Final = 20_000
"""A folder with more files holds data and no program. A link takes 10 us to make."""
_CODE: Final = re.compile(r"\.(py|so|jar|war|class)$|\.so(\.\d+)+$")
_LINKED_FOLDERS: Final = frozenset({"ENV", "node_modules"})
_SKIPPED: Final = frozenset({"__pycache__"})
READ_ONLY: Final = 0o444
_FICLONE: Final = 0x40049409
"""ioctl_ficlone(2): makes a copy that shares its blocks until it is written to, on btrfs and xfs."""

CopyFilter = Callable[[os.DirEntry[str]], bool]


def is_code(name: str) -> bool:
    """
    Tell by its *name* whether a file is part of a program.
    """
    return _CODE.search(name) is not None


def code_or_small(entry: os.DirEntry[str]) -> bool:
    """
    Tell whether a file of the user's is copied.
    """
    return is_code(entry.name) or _size(entry) <= MAX_SMALL_FILE


def not_huge(entry: os.DirEntry[str]) -> bool:
    """
    Tell whether a file of the cache is copied.
    """
    return _size(entry) <= MAX_COPIED_DOWNLOAD


def mirror_folder(
    source: Path, target: Path, is_copied: CopyFilter, excluded: Path, *, hard_link: bool = False
) -> None:
    """
    Fill the folder *target* with copies of the files in *source*, or with links to them.

    Args:
        source: a folder, absolute.
        target: an empty folder.
        is_copied: tells whether a file is copied; others are linked.
        excluded: a folder that is left out, since *target* lies in it.
        hard_link: as for `link_file`.

    Raises:
        OSError: *source* cannot be read, or *target* not be written.
    """
    waiting = deque([(source, target)])  # the top folders first, so that the limit cuts off deep ones
    files = 0
    while waiting:
        folder, copy = waiting.popleft()
        with _open_listing(source, folder) as (opened, entries):
            files += len(entries)
            if files > MAX_FILES and folder != source and not hard_link:
                copy.rmdir()
                copy.symlink_to(folder)
                continue
            for entry in entries:
                original, place = folder / entry.name, copy / entry.name
                if entry.is_symlink():
                    place.symlink_to(_link_text(original, opened, source))
                elif not entry.is_dir():
                    if not (entry.is_file() and is_copied(entry) and _try_copy(opened, entry.name, place)):
                        link_file(original, place, hard_link=hard_link and entry.is_file())
                elif _same(entry, excluded) or entry.name in _SKIPPED:
                    continue
                elif not hard_link and _is_linked(entry, opened):
                    place.symlink_to(original)
                else:
                    place.mkdir()
                    waiting.append((original, place))


def copy_file(source: Path, target: Path) -> None:
    """
    Copy *source* with its times and permissions, without reading it if the file system supports that.
    """
    with source.open("rb") as read:
        _copy(read, target)


def copy_contained(folder: Path | int, name: str, target: Path) -> None:
    """
    Copy the file *name* in *folder*, a path or a descriptor. A link of that name is an error.
    """
    with os.fdopen(contained_files.open_file(folder, name), "rb") as read:
        _copy(read, target)


def _copy(read: BinaryIO, target: Path) -> None:
    with target.open("xb") as written:
        try:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, written, 2**20)
    shutil.copystat(f"/proc/self/fd/{read.fileno()}", target)
    target.chmod(stat.S_IMODE(target.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def mirror_top_level(source: Path, target: Path) -> None:
    """
    Do the same for the top level only: libraries and jars are copied, other files and all folders are linked.

    Raises:
        OSError: as for `mirror_folder`.
    """
    with _open_listing(source, source) as (opened, entries):
        for entry in entries:
            original, place = source / entry.name, target / entry.name
            if entry.is_symlink():
                place.symlink_to(_link_text(original, opened, source))
            elif entry.is_file() and is_code(entry.name) and not entry.name.endswith(".py"):
                copy_contained(opened, entry.name, place)
            else:
                place.symlink_to(original)


def link_file(source: Path, target: Path, *, hard_link: bool) -> None:
    """
    Make *target* a symbolic link to the file *source* or, with *hard_link*, a hard link: that is for a user who cannot
    look into the folder of *source*. Everybody may read the file then.
    """
    if not hard_link:
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
def _open_listing(root: Path, folder: Path) -> Iterator[tuple[int, list[os.DirEntry[str]]]]:
    """
    Open *folder*, which lies in *root*, and yield its descriptor and its sorted entries.
    """
    opened = contained_files.open_folder(root, folder.relative_to(root))
    try:
        with os.scandir(opened) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        yield opened, entries
    finally:
        os.close(opened)


def _is_linked(folder: os.DirEntry[str], above: int) -> bool:
    """
    Tell whether a folder of the user's is linked as a whole.
    """
    if folder.name in _LINKED_FOLDERS or folder.name.startswith("."):
        return True
    return not os.access(folder.name, os.R_OK | os.X_OK, dir_fd=above)


def _try_copy(folder: int, name: str, place: Path) -> bool:
    """
    Copy a file, and tell whether this user may read it.
    """
    try:
        copy_contained(folder, name, place)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        return False
    return True


def _link_text(link: Path, above: int, root: Path) -> str:
    """
    Return the target that a copy of *link* must have: the same, if that is a relative path inside *root*; otherwise the
    absolute path that it leads to.

    Two names of one library must remain links to one file: else the dynamic linker would load a second copy.
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
