"""
Writing to a disk that may be full.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from eas_host.fetch.effort import Failed

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, none for this user, none for a file of that size."""

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_UNIT: Final = 1024


def amount(size: float) -> str:
    """
    Put a number of bytes into words.
    """
    unit = 0
    while size >= _UNIT and unit < len(_UNITS) - 1:
        size, unit = size / _UNIT, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size:.0f} bytes"


def refuse_too_large(folder: Path, size: int) -> None:
    """
    Refuse to begin with *size* more bytes that *folder* has no space for.

    Raises:
        Failed: so it is.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise Failed(f"no space left in {folder}: {amount(size)} are needed, {amount(free)} are free")


def write(file: int, data: bytes) -> None:
    """
    Write all of *data* to the descriptor *file*.
    """
    done = os.write(file, data)
    while done < len(data):
        done += os.write(file, memoryview(data)[done:])
