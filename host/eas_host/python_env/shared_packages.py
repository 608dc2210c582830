"""
Which packages of this host's installation another Python environment may import, and how it is told.

Serving needs few of the host's dependencies. These, and what they depend on, are found through the metadata of the
installed packages. Everything else that is installed beside the host, be it numpy or a dependency of `eas-host pack`,
must be installed into the other environment by its author, since it will be missing where the environment is deployed.
"""

from __future__ import annotations

import platform
import re
from functools import lru_cache
from importlib import metadata
from inspect import getmodulename
from pathlib import Path
from typing import Final, TypedDict

from eas_host.python_env import import_hook

SERVING: Final = ("cffi", "uvloop", "httptools", "prometheus-client", "cramjam", "lz4")
"""The dependencies that `python app.py` loads; a test compares this with what the sources import."""
OURS: Final = ("allspark", "eas_host")
MODULE: Final = "_eas_host_link"
PTH: Final = "eas-host.pth"

_SOURCE_ROOT: Final = Path(__file__).parents[2]


class ImportHookSettings(TypedDict):
    """
    The arguments of `import_hook.install`.
    """

    names: list[str]
    folders: list[str]
    ours: list[str]
    abi: str
    python: str


@lru_cache(maxsize=1)
def settings() -> ImportHookSettings:
    """
    Look up which modules are shared, and in which folders they are.
    """
    distributions = _with_dependencies(SERVING)
    names = {name for distribution in distributions for name in _modules(distribution)}
    places = [str(_SOURCE_ROOT), *(str(Path(str(item.locate_file(""))).absolute()) for item in distributions)]
    return ImportHookSettings(
        names=sorted({*OURS, *names}),
        folders=list(dict.fromkeys(places)),
        ours=list(OURS),
        abi=import_hook.ABI,
        python=".".join(platform.python_version_tuple()[:2]),
    )


def write(site_packages: Path) -> None:
    """
    Let the environment with the folder *site_packages* import this host's allspark.
    """
    (site_packages / f"{MODULE}.py").write_text(Path(import_hook.__file__).read_text("utf-8"), "utf-8")
    # `site` runs this line at each start. It is ASCII, since older versions read such files in the locale's encoding.
    (site_packages / PTH).write_text(f"import {MODULE}; {MODULE}.install(**{dict(settings())!a})\n", "ascii")


def _with_dependencies(wanted: tuple[str, ...]) -> list[metadata.Distribution]:
    """
    Find the installed packages *wanted*, and those that they depend on.
    """
    found: dict[str, metadata.Distribution] = {}
    names = list(wanted)
    for name in names:  # grows meanwhile
        key = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503
        if key in found:
            continue
        try:
            found[key] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # it is not for this Python, or belongs to an extra
        for line in found[key].requires or []:
            requirement = re.match(r"[\w.-]+", line)
            if requirement and "extra ==" not in line:
                names.append(requirement[0])
    return list(found.values())


def _modules(distribution: metadata.Distribution) -> set[str]:
    """
    Return the top-level modules that *distribution* has installed.
    """
    firsts = {(file.parts[0], len(file.parts) > 1) for file in distribution.files or []}
    names = {name if is_folder else getmodulename(name) for name, is_folder in firsts}
    return {name for name in names if name is not None and name.isidentifier() and name != "__pycache__"}
