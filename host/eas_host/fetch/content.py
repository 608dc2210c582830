"""
What tells one content from another: a file's, or a folder's with the names of its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 20


def digest(path: Path) -> str:
    """
    The SHA-256 of the content of *path*: of a file's bytes; of a folder's names, each with the one of its file.
    """
    if not path.is_dir():
        return _digest_of(path)
    whole = hashlib.sha256()
    for name, file in _files(path):
        whole.update(f"{name}\0{_digest_of(file)}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def marks(path: Path) -> list[list[object]]:
    """
    What changes with each file of *path* that is replaced or written to, without reading it: name, number in the file
    system, size and time. Plain values, as JSON gives them back.
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
        while data := file.read(_PIECE):
            value.update(data)
    return value.hexdigest()
