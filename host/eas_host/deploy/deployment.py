"""
What is to be served: processors that are ready to be loaded, each with its files in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.config import HostConfig, WorkerSpec

STARTED: Final = time.time_ns()
"""When nothing had been prepared yet: what changes later may be missing in the first version, if that was copied."""

PYTHON_FILES: Final = "*.py"
"""A path with this name stands for all Python files in its folder and below, those to come included."""


@dataclass(frozen=True)
class Part:
    """
    One processor of a deployment.

    Attributes:
        name: the model's name, the last part of `/api/predict/<service>/<model>`; None: it answers for the service
            itself.
        spec: what its workers load.
    """

    name: str | None
    spec: WorkerSpec


@dataclass(frozen=True)
class Deployment:
    """
    Everything that one version of a service consists of.

    Attributes:
        config: the host's options, those of the description included.
        name: the service's name.
        parts: its processors, at least one.
        warm_up: a file with requests to send before the service is up; None for none.
        watched: the files and folders that, when they change, make a new version; one whose name is `*.py` stands for
            all Python files there.
        discard: gives back what was made for this version alone. Called once its last worker is gone.
    """

    config: HostConfig
    name: str
    parts: tuple[Part, ...]
    warm_up: Path | None = None
    watched: tuple[Path, ...] = ()
    discard: Callable[[], None] = lambda: None


Prepare = Callable[[], Deployment]
"""
Makes the next version of a service from what is there now: reads the description again, fetches, unpacks. Called in a
thread of its own. It raises a `HostError` where that cannot be served.
"""
