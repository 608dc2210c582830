"""
What the host in an image is made of: a wheel, or the sources of a checkout, or the version of this host on PyPI.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from eas_host import __version__
from eas_host.errors import ConfigError
from eas_host.image.containerfile import REPOSITORY, is_checkout

FOLDER: Final = "host"
"""The folder of the context for what the host is made of. Files of services beside it do not make it built anew."""

_SOURCE: Final = "/source"
"""Where the Containerfile has that folder."""
_TOOLS_FOR_WHEEL: Final = "ca-certificates python3-venv"
_PROJECT: Final = "eas-host"


def put_host(context: Path, wheel: Path | None) -> dict[str, str]:
    """
    Put what the host is made of into the folder *context*: *wheel*, if there is one.

    Returns:
        The arguments of the Containerfile for it.

    Raises:
        ConfigError: this version of the host is nowhere to be had.
    """
    folder = context / FOLDER
    folder.mkdir()
    if wheel is not None:
        shutil.copyfile(wheel, folder / wheel.name)
        return _installed(f"{_SOURCE}/{wheel.name}")
    if is_checkout():
        _copy_sources(folder)
        return {"SOURCE": FOLDER, "VERSION": __version__}
    if "+" in __version__ or ".dev" in __version__ or __version__ == "0.0":
        raise ConfigError(
            f"--wheel is missing: PyPI has no eas-host {__version__}, which is no release; name its wheel"
        )
    return _installed(f"{_PROJECT}=={__version__}")


def _installed(what: str) -> dict[str, str]:
    return {"SOURCE": FOLDER, "TOOLS": _TOOLS_FOR_WHEEL, "HOST": what}


def _copy_sources(folder: Path) -> None:
    """
    Copy to *folder* what .dockerignore leaves in the context of a build by hand: all that the host is built of.
    """
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    left_out = shutil.ignore_patterns(*(line.rpartition("/")[2] for line in lines if "/" in line and line[0] != "#"))
    for name in sorted(line[1:] for line in lines if line.startswith("!")):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=left_out)
        else:
            shutil.copy2(source, folder / name)
