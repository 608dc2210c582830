"""
Writes to a disk that may be full.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from eas_host.fetch.download_errors import DownloadError
from eas_host.system.disk_errors import full_cache_message
from eas_host.system.sizes import format_size


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
