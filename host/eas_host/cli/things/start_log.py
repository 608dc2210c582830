"""
Starts the log of a command, and names variables that have no effect.
"""

from __future__ import annotations

from eas_host import log
from eas_host.config import HostConfig
from eas_host.config.variables import unknown_variables

_warned: set[str] = set()


def start_log(config: HostConfig) -> None:
    """
    Have the log be as *config* says, and warn of variables that look like an option and are none, once.
    """
    log.configure(config.log_level, config.log_format)
    for warning in unknown_variables():
        if warning not in _warned:
            _warned.add(warning)
            log.warning("%s", warning)
