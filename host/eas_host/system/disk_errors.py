"""
Messages about a disk that does not accept a write: which folder is affected, why, and what to do about it.

The system says "No space left on device" both for a full disk and for one that has no inodes left, and the error of a
write does not name the file.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space left, the user's quota is used up, or the file is too large."""
_NO_INODES: Final = "has room for no more files (inodes)"
_OTHER: Final = "name another folder with --cache DIR"


def is_write_refused(error: OSError) -> bool:
    """
    Tell whether the disk is full, or is read-only.
    """
    return error.errno in (*FULL, errno.EROFS)


def note_missing_inodes(error: OSError, folder: Path) -> None:
    """
    Note in *error* that the disk of *folder* has no inodes left. This must happen before the new files are removed.
    """
    if error.errno == errno.ENOSPC and _is_out_of_inodes(folder):
        error.strerror = _NO_INODES


def describe_cache_error(error: OSError, cache: Path) -> str:
    """
    Describe *error*, which a write below the folder *cache* may have caused.
    """
    if not is_write_refused(error):
        return error.strerror or str(error)
    return f"the cache ({cache}) {_state(error, cache)}"


def full_cache_message(cache: Path, need: str) -> str:
    """
    Make the message that *cache* has not enough room. *need* says how much is needed.
    """
    return f"the cache ({cache}) is full: {need}; make room there, or {_OTHER}"


def _state(error: OSError, folder: Path) -> str:
    if error.errno == errno.EROFS:
        return f"is on a read-only file system; {_OTHER}"
    if error.errno == errno.EFBIG:
        return f"takes no file of that size (`ulimit -f` of this shell, or the file system's own limit); {_OTHER}"
    if error.errno == errno.EDQUOT:
        return f"is full for this user, whose disk quota is used up; make room there, or {_OTHER}"
    note_missing_inodes(error, folder)
    state = error.strerror if error.strerror == _NO_INODES else "is full"
    return f"{state}; make room there, or {_OTHER}"


def _is_out_of_inodes(folder: Path) -> bool:
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_favail == 0 and status.f_files > 0 and status.f_bavail > 0
