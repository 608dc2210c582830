"""
The link of a Python environment to this host: two files in its `site-packages`, by which `import allspark` works there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, TypedDict

from eas_runtime.linking import import_hook, places

MODULE: Final = "_eas_host_link"
PTH: Final = "eas-host.pth"


class LinkSettings(TypedDict):
    """
    The arguments of `import_hook.install`.
    """

    folder: str
    python: str


def settings() -> LinkSettings:
    """
    Return where this host is.
    """
    return LinkSettings(folder=places.FOLDER, python=sys.executable)


def write(site_packages: Path) -> None:
    """
    Let the environment with the folder *site_packages* import this host's allspark.
    """
    (site_packages / f"{MODULE}.py").write_text(Path(import_hook.__file__).read_text("utf-8"), "utf-8")
    # `site` runs this line at each start. It is ASCII, since older versions read such files in the locale's encoding.
    (site_packages / PTH).write_text(f"import {MODULE}; {MODULE}.install(**{dict(settings())!a})\n", "ascii")
