"""
Chooses the Python that a processor runs on: the one of `--python`, else that of the `ENV` beside it, else that of the
`ENV` where EAS's images for processors have it, else the one of the description's `python_version`, else the host's.

An `ENV` that works must be of the version in `python_version`: its packages are for one version. If it does not work,
its packages serve the installed Python of that version.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.python import installed
from eas_host.deploy.python.interpreter import Confine, Interpreter, find_interpreter, fits
from eas_host.errors import ConfigError

OF_IMAGE: Final = Path("/data/eas")
"""The folder with the `ENV` of a `data_image` (docs/eas-compatibility.md, section 3.9)."""


def choose_python(
    config: HostConfig, folder: Path, confine: Confine, version: str = "", key: str = "python_version"
) -> Interpreter:
    """
    Choose the Python for the processor in *folder*, whose description has *version* at its *key*. What is asked for its
    version is run as a command that *confine* has confined. A warning says why an `ENV` cannot be used.

    Raises:
        ConfigError: there is no such Python, `ENV` is another version, or it cannot run in the host's own process.
        EntryInvalid: `ENV` is Python 2.
    """
    if not (folder / "ENV").is_dir() and (OF_IMAGE / "ENV").is_dir():
        folder = OF_IMAGE
    if config.python is not None:
        found = _installed(config.python, "--python", confine)
    elif not version:
        found = find_interpreter(folder, confine)
    else:
        found = find_interpreter(folder, confine, partial(_installed, version, key, confine))
        if not fits(found.version, version):
            raise ConfigError(
                f"{key} is {version}, but {found.path} is Python {found.version}, and the packages in ENV are for that"
                f" one; make ENV with Python {version}, change {key}, or choose with --python"
            )
    if found.problem:
        log.warning("%s", found.problem)
    return _in_this_process(found) if config.isolation == "none" and found.path else found


def _installed(wanted: str, option: str, confine: Confine) -> Interpreter:
    """
    Find the Python that *option*, or a key of the description, asks for, if it runs confined.
    """
    path, facts = installed.find(wanted, option, confine)
    return Interpreter("" if path == sys.executable else path, facts.version)


def _in_this_process(found: Interpreter) -> Interpreter:
    """
    Use of *found* what the host's own process can: its packages, if it is the same version.

    Raises:
        ConfigError: it is another version.
    """
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not fits(found.version, ours):
        raise ConfigError(
            f"--isolation none: the processor would run in the host's own process, on Python {ours}, but it needs"
            f" {found.path}, which is Python {found.version}; drop --isolation none"
            " (and with `eas-host debug` --no-debugger or --vscode: its pdb runs on that Python)"
        )
    prefix = Path(found.path).parents[1]
    packages = (*found.packages, str(prefix / "lib" / f"python{ours}" / "site-packages"))
    return Interpreter("", found.version, packages)
