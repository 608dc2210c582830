"""
What tells one content of a file or folder from another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20


def digest(path: Path) -> str:
    """
    Compute the SHA-256 of *path*: of a file's bytes, or of the names and digests of all files in a folder.
    """
    if not path.is_dir():
        return _digest_of(path)
    whole = hashlib.sha256()
    for name, file in _files(path):
        whole.update(f"{name}\0{_digest_of(file)}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def file_stats(path: Path) -> list[list[object]]:
    """
    List the name, inode number, size and modification time of each file of *path*. One of them changes when a file is
    replaced or written to, so no file need be read. The values are lists and numbers, as JSON gives them back.
    """
    found: list[list[object]] = []
    for name, file in _files(path):
        status = file.stat()
        found.append([name, status.st_ino, status.st_size, status.st_mtime_ns])
    return found


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield "", path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(path)), file


def _digest_of(path: Path) -> str:
    value = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while data := file.read(_CHUNK):
            value.update(data)
    return value.hexdigest()
