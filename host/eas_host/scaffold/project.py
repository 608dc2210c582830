"""
Writes a new processor's files from a template.

A template is a folder in templates/. Its files are written as they are, except that words that begin with `@@` are
replaced in their texts and names. No file is overwritten: if one of them is there already, none is written.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError

_PACKAGE: Final = Path(__file__).parents[1]
_TEMPLATES: Final = Path(__file__).with_name("templates")
_HEADER: Final = Path("eas", "processor.h")
_NAME_MAX: Final = 50
"""Characters of a name that is derived from a folder's name, which can have 255."""


class _Template(string.Template):
    """
    Uses `@@` instead of `$`, which Makefiles and shells need for themselves.
    """

    delimiter = "@@"


@dataclass(frozen=True)
class TemplateValues:
    """
    The values that replace the words of a template.

    Attributes:
        name: the name of the service: lower-case letters, digits and underscores (docs/eas-compatibility.md,
            section 7.1).
        classname: the name of the Java class.
        folder: the name of the new folder.
    """

    name: str
    classname: str
    folder: str

    @classmethod
    def from_folder(cls, folder: Path) -> TemplateValues:
        """
        Derive the values from the name of *folder*.
        """
        folder = Path(os.path.realpath(folder))  # Path.resolve calls a circle of links a RuntimeError, up to 3.12
        words = re.findall(r"[a-z0-9]+", folder.name.lower())
        name = "_".join(words)[:_NAME_MAX].rstrip("_")
        if not name[:1].isalpha():
            name = f"service_{name}".rstrip("_")
        return cls(name, "".join(word.capitalize() for word in name.split("_")) + "Processor", folder.name)


def render(template: str, values: TemplateValues) -> dict[str, str]:
    """
    Render all files of *template*: their texts, by their paths in the new folder.
    """
    root = _TEMPLATES / template
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {_fill(str(path.relative_to(root)), values): _fill(path.read_text("utf-8"), values) for path in files}


def processor_header() -> str:
    """
    Read the public C header.
    """
    return (include_folder() / _HEADER).read_text("utf-8")


def include_folder() -> Path:
    """
    Return the folder of the public C header, for `-I`: that of the package, or in editable form that of the repository.
    """
    installed = _PACKAGE / "include"
    return installed if (installed / _HEADER).is_file() else _PACKAGE.parents[1] / "native" / "include"


def check_folder(folder: Path, names: Sequence[str], advice: str = "") -> None:
    """
    Check that *folder* can be made, or exists and has none of *names*.

    Raises:
        ConfigError: something is in the way; the message says what.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is no folder; name one that is new or empty")
    taken = sorted(name for name in names if (folder / name).exists() or (folder / name).is_symlink())
    if taken:
        others = f"{', '.join(taken[:-1])} and {taken[-1]}" if len(taken) > 1 else taken[0]
        raise ConfigError(f"{folder}: has {others} already, and nothing is overwritten; name another folder{advice}")


def write(folder: Path, files: dict[str, str]) -> None:
    """
    Write *files* into *folder*.

    Raises:
        ConfigError: a file cannot be written.
    """
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", errors="surrogateescape") as file:  # a folder's name may be any bytes
                file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder}: {error.strerror}; name a folder that can be written to"
        ) from error


def _fill(text: str, values: TemplateValues) -> str:
    return _Template(text).substitute(asdict(values))
