"""
Writes to a disk that may be full.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from eas_host.fetch.download_errors import DownloadError
from eas_host.system.disk_errors import full_cache_message

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_UNIT: Final = 1024


def format_size(size: float) -> str:
    """
    Write a number of bytes for people: `1.2 GiB`.
    """
    unit = 0
    while size >= _UNIT and unit < len(_UNITS) - 1:
        size, unit = size / _UNIT, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size:.0f} bytes"


def check_free_space(cache: Path, size: int) -> None:
    """
    Check that there is space for *size* more bytes in *cache*.

    Raises:
        DownloadError: there is not.
    """
    free = shutil.disk_usage(cache).free
    if size > free:
        raise DownloadError(full_cache_message(cache, f"{format_size(size)} are needed, {format_size(free)} are free"))


def write_all(file: int, data: bytes) -> None:
    """
    Write all of *data* to the descriptor *file*.
    """
    done = os.write(file, data)
    while done < len(data):
        done += os.write(file, memoryview(data)[done:])
