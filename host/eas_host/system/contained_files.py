"""
Opens files in a folder that somebody else can change: root does so in folders of the user of `--user`.

That user may replace any name in it with a link, at any moment, and may see or get what root reads. So each name is
looked up in its parent folder, which is held open, and no link is followed. Opening a pipe does not block.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePath
from typing import Final

_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def resolve_inside(folder: Path, path: Path) -> PurePath | None:
    """
    Return the path in *folder* that *path* leads to once all links are followed; None if it leads elsewhere.
    """
    real = Path(os.path.realpath(path))
    root = Path(os.path.realpath(folder))
    return real.relative_to(root) if real.is_relative_to(root) else None


def open_file(folder: Path | int, name: str | PurePath) -> int:
    """
    Open the file *name* in *folder*, a path or a descriptor, for reading. The path of *folder* may have links, *name*
    may not.

    Raises:
        OSError: there is no such file, or a link or something else is in its place.
    """
    file = _open(folder, name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "is no file", _full_name(folder, name))
    return file


def open_folder(folder: Path, name: str | PurePath) -> int:
    """
    Open the folder *name* in *folder* in the same way.
    """
    return _open(folder, name, os.O_RDONLY | _FOLDER)


def _open(folder: Path | int, name: str | PurePath, flags: int) -> int:
    *above, last = PurePath(name).parts or (".",)
    start, dir_fd = (".", folder) if isinstance(folder, int) else (folder, None)
    place = os.open(start, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        for part in above:
            below = os.open(part, os.O_PATH | _FOLDER, dir_fd=place)
            os.close(place)
            place = below
        return os.open(last, flags, dir_fd=place)
    except OSError as error:
        error.filename = _full_name(folder, name)  # the error has the last name only
        raise
    finally:
        os.close(place)


def _full_name(folder: Path | int, name: str | PurePath) -> str:
    return str(name if isinstance(folder, int) else folder / name)
