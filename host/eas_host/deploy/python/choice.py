"""
Chooses the Python that a processor runs on: the one of `--python`, else that of the `ENV` beside it, else the host's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.python import installed
from eas_host.deploy.python.interpreter import Confine, Interpreter, find_interpreter
from eas_host.errors import ConfigError


def choose_python(config: HostConfig, folder: Path, confine: Confine) -> Interpreter:
    """
    Choose the Python for the processor in *folder*. What is asked for its version is run as a command that *confine*
    has confined. A warning says why an `ENV` cannot be used.

    Raises:
        ConfigError: `--python` names none, or it cannot run in the host's own process.
        EntryInvalid: `ENV` is Python 2.
    """
    if config.python is not None:
        path, facts = installed.find(config.python)
        found = Interpreter("" if path == sys.executable else path, facts.version)
    else:
        found = find_interpreter(folder, confine)
    if found.problem:
        log.warning("%s", found.problem)
    return _in_this_process(found) if config.isolation == "none" and found.path else found


def _in_this_process(found: Interpreter) -> Interpreter:
    """
    Use of *found* what the host's own process can: its packages, if it is the same version.

    Raises:
        ConfigError: it is another version.
    """
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not f"{found.version}.".startswith(f"{ours}."):
        raise ConfigError(
            f"--isolation none: the processor would run in the host's own process, on Python {ours}, but it needs"
            f" {found.path}, which is Python {found.version}; drop --isolation none"
        )
    prefix = Path(found.path).parents[1]
    return Interpreter("", found.version, (str(prefix / "lib" / f"python{ours}" / "site-packages"),))
