"""
A disk that takes no more: which folder that is, why, and what to do about it.

The system says "No space left on device" for a full disk and for one without room for another file, and of a write that
fails it does not even name the file.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, none for this user, none for a file of that size."""
_NO_INODES: Final = "has room for no more files (inodes)"
_OTHER: Final = "name another folder with --cache DIR"


def is_refused(error: OSError) -> bool:
    """
    Tell whether the disk took no more, or takes nothing at all.
    """
    return error.errno in (*FULL, errno.EROFS)


def look(error: OSError, folder: Path) -> None:
    """
    Note in *error* what is short in *folder*, before what has been made there is removed again.
    """
    if error.errno == errno.ENOSPC and _is_out_of_inodes(folder):
        error.strerror = _NO_INODES


def in_cache(error: OSError, cache: Path) -> str:
    """
    What *error* means, which came of writing below the folder *cache*, or of something else.
    """
    if not is_refused(error):
        return error.strerror or str(error)
    return f"the cache ({cache}) {_state(error, cache)}"


def full_cache(cache: Path, need: str) -> str:
    """
    That *cache* has no room for what is needed, and *need* says how much that is.
    """
    return f"the cache ({cache}) is full: {need}; make room there, or {_OTHER}"


def _state(error: OSError, folder: Path) -> str:
    if error.errno == errno.EROFS:
        return f"is on a read-only file system; {_OTHER}"
    if error.errno == errno.EFBIG:
        return f"takes no file of that size (`ulimit -f` of this shell, or the file system's own limit); {_OTHER}"
    if error.errno == errno.EDQUOT:
        return f"is full for this user, whose disk quota is used up; make room there, or {_OTHER}"
    look(error, folder)
    state = error.strerror if error.strerror == _NO_INODES else "is full"
    return f"{state}; make room there, or {_OTHER}"


def _is_out_of_inodes(folder: Path) -> bool:
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_favail == 0 and status.f_files > 0 and status.f_bavail > 0
