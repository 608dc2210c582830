"""
Finds the jars that a jar needs: those in the `Class-Path` of its manifest (the JAR file specification).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from eas_host.errors import EntryInvalid, EntryNotFound

_MANIFEST = "META-INF/MANIFEST.MF"
_MAX_MANIFEST = 16 << 20
"""Bytes: one of a signed jar has some for each class."""


@dataclass(frozen=True)
class JarDependencies:
    """
    A jar and the jars that it needs.

    Attributes:
        files: the jars, each with the jar whose manifest names it. The first is the entry, which no manifest names.
        missing: what a manifest names, but is no file, each with the jar of the manifest. Java ignores these; they are
            left out with a note.
    """

    files: tuple[tuple[Path, Path | None], ...]
    missing: tuple[tuple[str, Path], ...]


def find_dependencies(entry: Path) -> JarDependencies:
    """
    Find the jars that the jar *entry* needs.

    Raises:
        EntryNotFound: there is no such file, or it cannot be read.
        EntryInvalid: it, or a jar that it names, is no jar.
    """
    files: dict[Path, Path | None] = {entry: None}
    missing: list[tuple[str, Path]] = []
    queue = deque([entry])
    while queue:
        jar = queue.popleft()
        for word in _class_path(jar):
            url = urlsplit(word)
            path = jar.parent / unquote(url.path)
            path = path.parent.resolve() / path.name
            if url.scheme or url.path.startswith("/") or not path.is_file():
                missing.append((word, jar))
            elif path not in files:
                files[path] = jar
                queue.append(path)
    return JarDependencies(tuple(files.items()), tuple(missing))


def _class_path(jar: Path) -> list[str]:
    """
    Read the elements of the `Class-Path` of *jar*.
    """
    try:
        with zipfile.ZipFile(jar) as archive:
            text = ""
            if _MANIFEST in archive.namelist():
                with archive.open(_MANIFEST) as file:
                    text = file.read(_MAX_MANIFEST).decode("utf-8", "replace")
    except OSError as error:
        raise EntryNotFound(f"{jar}: {error.strerror}") from error
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise EntryInvalid(f"{jar}: not a jar: {error}; build or copy it again") from error
    lines = re.sub(r"\r\n?|\n", "\n", text).replace("\n ", "")  # a line longer than 72 bytes continues after a space
    found = re.search(r"^Class-Path: *(.*)$", lines, re.MULTILINE | re.IGNORECASE)
    return found[1].split() if found else []
