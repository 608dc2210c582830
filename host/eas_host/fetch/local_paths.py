"""
Finds the local paths of a description. They are used where they are.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from eas_host.errors import EntryNotFound

_MAX_NAMES: Final = 5  # how many names a message of one line can list


def find(key: str, text: str, base: Path) -> Path:
    """
    Find the local file or folder *text*: a path, relative to *base* if it is not absolute, or a `file://` URL.

    Raises:
        EntryNotFound: there is no such file or folder, or it cannot be reached.
    """
    if not text:
        raise EntryNotFound(f"{key}: is empty; expected a path or a URL")
    path = (base / _path(key, text)).absolute()
    try:
        path.stat()
    except FileNotFoundError as error:
        raise EntryNotFound(f"{key}: {path}: No such file or directory; {_nearby(path)}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise EntryNotFound(f"{key}: {path}: {reason}") from error
    return path


def _path(key: str, text: str) -> str:
    if "://" not in text:
        return text
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"}:
        raise EntryNotFound(f"{key}: {text}: a file on {parts.netloc}; a local one has three slashes, file:///path")
    return unquote(parts.path)


def _nearby(path: Path) -> str:
    """
    Say what is there instead of *path*: the most similar names, or else the first ones.
    """
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror}"
    near = difflib.get_close_matches(path.name, names, _MAX_NAMES)
    if near:
        return f"did you mean {', '.join(near)}?"
    listed = ", ".join(names[:_MAX_NAMES]) + (", ..." if len(names) > _MAX_NAMES else "")
    return f"in {folder} there is {listed or 'nothing'}"
