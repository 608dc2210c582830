"""
The path that `initialize` gets as its `model_entry`.

It is always absolute and never null, since real processors call `strlen(model_entry)`. A final slash is kept, since
some of them append a file's name to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eas_host.deploy.package.entries import list_content
from eas_host.errors import EntryNotFound


@dataclass(frozen=True)
class ModelLocation:
    """
    Where a model may be.

    Attributes:
        folder: the workspace's `model/`.
        source: the model as the description writes it; `""` if it names none.
        single_file: the model's file, if the model is a single file.
        base: if there is no *source*, a path that does not exist in *folder* is relative to this one.
        key_prefix: what the description's keys begin with.
    """

    folder: Path
    source: str
    single_file: Path | None
    base: Path
    key_prefix: str = ""


def resolve(entry: str | None, location: ModelLocation) -> str:
    """
    Turn the description's `model_entry`, which may be absent, into a path.

    Raises:
        EntryNotFound: it is not in the model.
    """
    if not entry:
        return _whole(location)
    if os.path.isabs(entry):  # noqa: PTH117  stays text
        return entry
    path = os.path.normpath(location.folder / entry)
    slash = "/" if entry.endswith("/") else ""
    if os.path.exists(path):  # noqa: PTH110  as above
        return path + slash
    if location.source:
        raise EntryNotFound(
            f"{location.key_prefix}model_entry is {entry!r}, but {location.source} has no such file; "
            f"it has {list_content(location.folder)}"
        )
    beside = os.path.normpath(location.base / entry)
    return (beside if os.path.exists(beside) else path) + slash  # noqa: PTH110  as above


def _whole(location: ModelLocation) -> str:
    """
    Return the path of the whole model; `""` if there is none.
    """
    if location.single_file is not None:
        return str(location.single_file)
    exists = location.source or (location.folder.is_dir() and any(location.folder.iterdir()))
    return str(location.folder) if exists else ""
