"""
What is in a `.tar.gz`, as Python's own tarfile reads it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path


def names(archive: Path) -> list[str]:
    with tarfile.open(archive, "r:gz") as tar:
        return tar.getnames()


def headers(archive: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(archive, "r:gz") as tar:
        return tar.getmembers()


def links(archive: Path) -> dict[str, str]:
    return {header.name: header.linkname for header in headers(archive) if header.issym()}


def content(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as tar:
        file = tar.extractfile(name)
        assert file is not None, f"{name} is no file"
        return file.read()


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """
    Makes *folder* with *files*, each with its text or bytes.
    """
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder
