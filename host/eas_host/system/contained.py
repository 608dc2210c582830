"""
Opening what is in a folder that somebody else can change: root does so in what belongs to the user of `--user`.

He may put a link in the place of any name in it, at any moment, and what root reads is shown to him or becomes his. So
each name is looked up in the folder before it, held open, and no link is followed. Nor is a pipe waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePath
from typing import Final

_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def place_in(folder: Path, path: Path) -> PurePath | None:
    """
    Where *path* is in *folder* once all links are followed; None: not there.
    """
    real = Path(os.path.realpath(path))
    root = Path(os.path.realpath(folder))
    return real.relative_to(root) if real.is_relative_to(root) else None


def open_file(folder: Path | int, name: str | PurePath) -> int:
    """
    Open the file *name* in *folder*, a path or a descriptor, for reading. Links may lead to *folder*, but none from
    there.

    Raises:
        OSError: it is not there, or a link or something else than a file is.
    """
    file = _open(folder, name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "is no file", _shown(folder, name))
    return file


def open_folder(folder: Path, name: str | PurePath) -> int:
    """
    The same of a folder.
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
        error.filename = _shown(folder, name)  # it has the last name only
        raise
    finally:
        os.close(place)


def _shown(folder: Path | int, name: str | PurePath) -> str:
    return str(name if isinstance(folder, int) else folder / name)
