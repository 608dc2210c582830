"""
Which jars a jar needs: those in the `Class-Path` of its manifest (the JAR file specification).
"""

from __future__ import annotations

import re
import zipfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from eas_host.errors import EntryInvalid, EntryNotFound

_MANIFEST = "META-INF/MANIFEST.MF"


@dataclass(frozen=True)
class Jars:
    """
    A jar and what it names.

    Attributes:
        files: the jars, each with the one whose manifest names it; the first is the entry, which nobody names.
        missing: what is named but is no file; Java passes it by, and so do we, with a word.
    """

    files: tuple[tuple[Path, Path | None], ...]
    missing: tuple[tuple[str, Path], ...]


def collect(entry: Path) -> Jars:
    """
    Find what the jar *entry* needs.

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
    return Jars(tuple(files.items()), tuple(missing))


def _class_path(jar: Path) -> list[str]:
    """
    The words of the `Class-Path` of *jar*.
    """
    try:
        with zipfile.ZipFile(jar) as archive:
            text = archive.read(_MANIFEST).decode("utf-8", "replace") if _MANIFEST in archive.namelist() else ""
    except OSError as error:
        raise EntryNotFound(f"{jar}: {error.strerror}") from error
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise EntryInvalid(f"{jar}: not a jar: {error}; build or copy it again") from error
    lines = re.sub(r"\r\n?|\n", "\n", text).replace("\n ", "")  # a line of 72 bytes goes on behind a space
    found = re.search(r"^Class-Path: *(.*)$", lines, re.MULTILINE | re.IGNORECASE)
    return found[1].split() if found else []
