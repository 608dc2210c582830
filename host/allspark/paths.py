"""
Where the model is.

EAS's `get_model_path` is not documented further than its name (docs/eas-compatibility.md, section 3.2). This one
returns what all ways to use it take: bytes, which print, format and add up as the path's text.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_PLACES: Final = ("/home/admin/docker_ml/workspace/model", "/eas/workspace/model", "../../model")
"""In old images of EAS, in new ones, and seen from a program's folder (docs/eas-compatibility.md, section 3.7)."""


class ModelPath(bytes):
    """
    A path: bytes for open, os.path and decode, text for everything that shows it.
    """

    def __str__(self) -> str:
        return os.fsdecode(bytes(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __add__(self, other: object) -> bytes | str:  # type: ignore[override]  # bytes take no text
        return str(self) + other if isinstance(other, str) else bytes(self) + other  # type: ignore[operator]

    def __radd__(self, other: str) -> str:
        return other + str(self)


def model_path() -> ModelPath:
    """
    The model's path: what --model-entry or its variable says, else the first place of EAS that exists, else the working
    directory.
    """
    given = os.environ.get("EAS_HOST_MODEL_ENTRY")
    place = given or next((place for place in _PLACES if Path(place).exists()), "")
    return ModelPath(os.fsencode(os.path.abspath(place)))  # noqa: PTH100  without resolving links
