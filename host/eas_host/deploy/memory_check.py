"""
--check-memory: workers of a processor in C++ start with a library that keeps records of their memory.

Without it the host still looks at each output pointer (native/src/output_check.h), but it cannot tell every wrong one
from a right one. The library is the host's own, native/memory_check; it must be there before anything else allocates
memory, so it is preloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import eas_host
from eas_host import log
from eas_host.binaries import sanitizer
from eas_host.config import HostConfig
from eas_runtime.worker_spec import WorkerSpec

LIBRARY: Final = Path(eas_host.__file__).with_name("libeas-memory-check.so")
_PRELOAD: Final = "LD_PRELOAD"
_SANITIZER: Final = re.compile(r"\blib(clang_rt\.)?(a|hwa|l|m|t)san")
"""Libraries that keep records of memory themselves, and must come first."""


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables with which a process that would have *environment* starts with the library; none if it cannot.
    What is preloaded otherwise comes after it: the library calls the functions of whatever allocator follows.
    """
    others = environment.get(_PRELOAD, "")
    if not LIBRARY.is_file() or _SANITIZER.search(others):
        return {}
    return {_PRELOAD: f"{LIBRARY} {others}".rstrip()}


def preload(spec: WorkerSpec, config: HostConfig) -> WorkerSpec:
    """
    Have the workers of *spec* start with the library, if *config* asks for it.
    """
    more = variables({**os.environ, **spec.environment})
    wanted = config.check_memory and spec.type == "cpp" and spec.isolation == "process"
    if not wanted or not more:
        return spec
    found = sanitizer.find(Path(spec.entry))
    if found is not None and found.comes_first:
        if "check_memory" in config.explicit:
            log.warning("--check-memory is not used: %s was built with %s, which checks more", spec.entry, found.name)
        return spec
    return spec.replace(environment={**spec.environment, **more})
