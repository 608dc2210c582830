"""
The environment variables that a processor finds in EAS (docs/eas-compatibility.md, section 8.2).

NAMESPACE and POD_NAME are not set: a program that finds them assumes that it runs in the cluster.
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


def variables(text: str, explicit: Mapping[str, str], shown_at: Path | None, cuda: str = "") -> dict[str, str]:
    """
    Return the variables that a worker's environment has in addition to the host's.

    Args:
        text: the description.
        explicit: `processor_envs` of the description; they override the others.
        shown_at: the folder with links to the workspace (`--workspace`).
        cuda: the folder with CUDA's libraries; empty if it is not needed.
    """
    ours = {"SERVICE_CONFIG": text, "SCHEDULABLE_CPUS": str(_cpus(text))}
    if shown_at == EAS_WORKSPACE:
        ours["WORKER_NAME"] = "easworker"  # programs conclude from it that this path exists
    if cuda:
        # The whole worker gets it: a processor's libraries load others by name when they first need them. The folders
        # that the description itself names are searched first.
        own, inherited = explicit.get(LIBRARY_PATH), os.environ.get(LIBRARY_PATH)
        explicit = {**explicit, LIBRARY_PATH: ":".join(filter(None, (own, cuda, inherited if own is None else None)))}
    return {**ours, **explicit}


def _cpus(text: str) -> int:
    """
    Return how many CPUs the description asks for; by default, how many this process may use.
    """
    settings: Any = json.loads(text)
    metadata = settings.get("metadata")
    # As everywhere in a description, the key may be nested or dotted.
    number = metadata.get("cpu") if isinstance(metadata, dict) else None
    number = settings.get("metadata.cpu", number)
    try:
        wanted = int(float(str(number)))
    except (ValueError, OverflowError):
        wanted = 0
    return wanted if wanted > 0 else len(os.sched_getaffinity(0))
