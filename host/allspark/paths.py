"""
Where the model is.

EAS documents nothing but the name of `get_model_path` (docs/eas-compatibility.md, section 3.2). This one returns bytes
that also print, format and concatenate as text, so that a program may use the path in either way.
"""

import os

_EAS_PATHS = ("/home/admin/docker_ml/workspace/model", "/eas/workspace/model", "../../model")
"""In old images of EAS, in new ones, and seen from a program's folder (docs/eas-compatibility.md, section 3.7)."""


class ModelPath(bytes):
    """
    A path: bytes for open, os.path and decode; text where it is printed, formatted or added to text.
    """

    def __str__(self) -> str:
        return os.fsdecode(bytes(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __add__(self, other: object) -> "bytes | str":  # type: ignore[override]  # bytes take no text
        return str(self) + other if isinstance(other, str) else bytes(self) + other  # type: ignore[operator]

    def __radd__(self, other: str) -> str:
        return other + str(self)


def model_path() -> ModelPath:
    """
    Return the model's path: what --model-entry or its variable says, else the first of EAS's paths that exists, else
    the working directory.
    """
    configured = os.environ.get("EAS_HOST_MODEL_ENTRY")
    path = configured or next((path for path in _EAS_PATHS if os.path.exists(path)), "")
    return ModelPath(os.fsencode(os.path.abspath(path)))  # without resolving links
