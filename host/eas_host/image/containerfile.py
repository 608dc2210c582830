"""
The Containerfile that an image is built of: the project's own makes the host, and two more lines add a service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eas_host.cluster.local_files import FOLDER
from eas_host.image.image_tool import NAME

FILES: Final = "files.tar.gz"
"""The archive with the files of a service, which the tool unpacks: it has their owners, rights and times."""
REPOSITORY: Final = Path(__file__).parents[3]
"""The top of the repository, if the host runs in a checkout."""


def is_checkout() -> bool:
    """
    Tell whether the host runs in a checkout, of which it can be built anew.
    """
    return all((REPOSITORY / name).is_file() for name in (NAME, ".dockerignore", "setup.py"))


def make_containerfile(base: str, *, with_files: bool) -> str:
    """
    Write a Containerfile.

    Args:
        base: an image that has the host already; empty to make the host.
        with_files: whether the files of a service are added, and served by default.
    """
    installed = Path(__file__).with_name(NAME)
    own = installed if installed.is_file() else REPOSITORY / NAME
    lines = f"FROM {base}\n" if base else own.read_text(encoding="utf-8")
    if with_files:
        lines += f'\nADD {FILES} /\nCMD ["{FOLDER}"]\n'
    return lines
