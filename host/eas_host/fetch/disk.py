"""
Writing to a disk that may be full.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from eas_host.fetch.effort import Failed
from eas_host.system.shortage import full_cache

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


def refuse_too_large(cache: Path, size: int) -> None:
    """
    Refuse to begin with *size* more bytes that *cache* has no space for.

    Raises:
        Failed: so it is.
    """
    free = shutil.disk_usage(cache).free
    if size > free:
        raise Failed(full_cache(cache, f"{amount(size)} are needed, {amount(free)} are free"))


def write(file: int, data: bytes) -> None:
    """
    Write all of *data* to the descriptor *file*.
    """
    done = os.write(file, data)
    while done < len(data):
        done += os.write(file, memoryview(data)[done:])
