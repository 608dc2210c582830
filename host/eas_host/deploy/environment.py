"""
The environment variables that a processor finds in EAS (docs/eas-compatibility.md, section 8.2).

NAMESPACE and POD_NAME are not set: with them a program takes itself to be in the cluster.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LIBRARY_PATH: Final = "LD_LIBRARY_PATH"
EAS_WORKSPACE: Final = Path("/home/admin/docker_ml/workspace")
"""Where the workspace is in EAS's containers (docs/eas-compatibility.md, section 8.1)."""


def variables(text: str, given: Mapping[str, str], fixed: Path | None, cuda: str = "") -> dict[str, str]:
    """
    What a worker's environment has beyond the host's.

    Args:
        text: the description.
        given: `processor_envs`; they win.
        fixed: the folder that the workspace is shown at.
        cuda: the folder with CUDA's libraries; empty for none.
    """
    ours = {"SERVICE_CONFIG": text, "SCHEDULABLE_CPUS": str(_cpus(text))}
    if fixed == EAS_WORKSPACE:
        ours["WORKER_NAME"] = "easworker"  # programs take it for a promise of that path
    if cuda:
        # For the whole worker: a processor's libraries load others by their names when they are needed first. What the
        # description itself says is looked at first.
        own, inherited = given.get(LIBRARY_PATH), os.environ.get(LIBRARY_PATH)
        given = {**given, LIBRARY_PATH: ":".join(filter(None, (own, cuda, inherited if own is None else None)))}
    return {**ours, **given}


def _cpus(text: str) -> int:
    """
    How many processors the description asks for; without it, how many this machine lends us.
    """
    settings: Any = json.loads(text)
    metadata = settings.get("metadata")
    # Keys are written nested or dotted, here as everywhere.
    number = metadata.get("cpu") if isinstance(metadata, dict) else None
    number = settings.get("metadata.cpu", number)
    try:
        wanted = int(float(str(number)))
    except (ValueError, OverflowError):
        wanted = 0
    return wanted if wanted > 0 else len(os.sched_getaffinity(0))
