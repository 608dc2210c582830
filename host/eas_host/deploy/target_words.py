"""
The words that name a processor to the command `eas-host invoke`, for a processor that options describe.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from eas_host.config import HostConfig
from eas_host.config.declaration import MODEL, PROCESSOR
from eas_host.config.host import OPTIONS, flag

_OF_WORKERS: Final = ("worker", "python", "java_home")
"""Options for workers that decide how the processor is loaded."""


def target_words(config: HostConfig) -> tuple[str, ...]:
    """
    Return the entry of *config* and the options that were given for it and for its model.
    """
    words = [str(Path(config.entry or "").absolute())]
    for name, option in OPTIONS.items():
        belongs = option.group in (PROCESSOR, MODEL) or name in _OF_WORKERS
        if not belongs or name in ("entry", "warm_up") or name not in config.explicit:
            continue
        value = getattr(config, name)
        if isinstance(value, tuple) and not option.repeated:
            value = shlex.join(value)
        for one in value if isinstance(value, tuple) else (value,):
            words += [flag(name), str(one)]
    return (*words, *(("--", *config.arguments) if config.arguments else ()))
