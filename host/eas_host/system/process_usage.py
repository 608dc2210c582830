"""
What a process has of memory, descriptors and threads.

`read` is for looking often: each number costs a few system calls, whatever its size, and there are no path objects,
which cost as much again. `resident_bytes` (`eas_host.system.memory`) has to read more, and is what people are shown.
"""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path
from typing import Final, NamedTuple

_PAGE: Final = resource.getpagesize()
_MAX_LINE: Final = 256
_KEEPERS: Final = re.compile(rb"/lib(jvm|(clang_rt\.)?(hw)?asan(-\w+)?)\.so")
_OWN_LINKS: Final = 2
"""Links to a folder without folders in it. /proc/PID/task has one more for each thread."""


class Usage(NamedTuple):
    """
    Numbers of one moment.

    Attributes:
        memory: bytes in memory that it shares with no other process and no file.
        descriptors: how many are open; 0: this process may not know.
        threads: how many there are.
    """

    memory: int
    descriptors: int
    threads: int


def read(process: int) -> Usage | None:
    """
    Read what *process* has; None if it has ended.
    """
    folder = f"/proc/{process}"
    try:
        held = memory(process)
        if not held:  # a zombie
            return None
        return Usage(held, _descriptors(f"{folder}/fd"), _stat(f"{folder}/task").st_nlink - _OWN_LINKS)
    except OSError:
        return None


def memory(process: int) -> int:
    """
    Read how many bytes *process* has in memory that it shares with no other process and no file; 0 if it has ended.
    """
    try:
        pages = _read(f"/proc/{process}/statm").split()
    except OSError:
        return 0
    return (int(pages[1]) - int(pages[2])) * _PAGE


def descriptor_limit(process: int) -> int | None:
    """
    Return how many descriptors *process* may have (`ulimit -n`); None if it has ended, or this process may not know.
    """
    try:
        return resource.prlimit(process, resource.RLIMIT_NOFILE)[0]
    except OSError:
        return None


def keeps_freed_memory(process: int) -> bool:
    """
    Tell whether the memory of *process* grows although what it has allocated is freed: a JVM collects garbage once its
    heap is full, and AddressSanitizer keeps freed blocks for a while to find who uses them. That takes milliseconds.
    """
    try:
        return _KEEPERS.search(Path(f"/proc/{process}/maps").read_bytes()) is not None
    except OSError:
        return False


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _MAX_LINE)
    finally:
        os.close(fd)


def _stat(path: str) -> os.stat_result:
    return os.stat(path)  # noqa: PTH116


def _descriptors(folder: str) -> int:
    count = _stat(folder).st_size  # since Linux 6.2
    if count:
        return count
    try:
        with os.scandir(folder) as found:
            return sum(1 for _ in found)
    except PermissionError:
        return 0
