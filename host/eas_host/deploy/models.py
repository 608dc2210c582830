"""
What `initialize` gets for `model_entry`.

It is always absolute and never missing: real processors do `strlen(model_entry)`. A final slash stays, since some of
them append a file's name to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eas_host.deploy.entries import shown
from eas_host.errors import EntryNotFound


@dataclass(frozen=True)
class Place:
    """
    Where a model may be.

    Attributes:
        folder: the workspace's `model/`.
        source: how the description calls what is in it; `""`: it does not say.
        bare: the only file, if that is a file's name.
        base: what a path is relative to that leads nowhere in *folder*, where there is no *source*.
        where: what the description's keys begin with.
    """

    folder: Path
    source: str
    bare: Path | None
    base: Path
    where: str = ""


def resolve(entry: str | None, place: Place) -> str:
    """
    Resolve `model_entry`, which may be absent.

    Raises:
        EntryNotFound: it is not in the model.
    """
    if not entry:
        return _whole(place)
    if os.path.isabs(entry):  # noqa: PTH117  stays text
        return entry
    path = os.path.normpath(place.folder / entry)
    slash = "/" if entry.endswith("/") else ""
    if os.path.exists(path):  # noqa: PTH110  as above
        return path + slash
    if place.source:
        raise EntryNotFound(
            f"{place.where}model_entry is {entry!r}, but {place.source} has no such file; it has {shown(place.folder)}"
        )
    beside = os.path.normpath(place.base / entry)
    return (beside if os.path.exists(beside) else path) + slash  # noqa: PTH110  as above


def _whole(place: Place) -> str:
    """
    The model itself; `""` where there is none.
    """
    if place.bare is not None:
        return str(place.bare)
    there = place.source or (place.folder.is_dir() and any(place.folder.iterdir()))
    return str(place.folder) if there else ""
