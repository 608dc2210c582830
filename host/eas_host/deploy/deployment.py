"""
A deployment: what the host is to serve. Its processors are ready to be loaded, each with its files in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host.config import HostConfig
from eas_runtime.worker_spec import WorkerSpec

STARTED: Final = time.time_ns()
"""Before anything was prepared. A file that changes later may be missing in the first version, if that was copied."""

PYTHON_FILES: Final = "*.py"
"""A path with this name stands for all Python files in its folder and below, also those that are added later."""

LIBRARIES: Final = "*.so"
"""A path with this name stands for all libraries in its folder, also those that are added later."""

INSTALLED: Final = "*"
"""A path with this name stands for what is installed in the Python environment in its folder."""


@dataclass(frozen=True)
class ProcessorDeployment:
    """
    One processor of a deployment.

    Attributes:
        name: the model's name, the last part of `/api/predict/<service>/<model>`; None if the processor
            answers for the service itself.
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
        processors: its processors, at least one.
        warm_up: a file with requests to send before the service is up, if there is one.
        watched: the files and folders whose changes lead to a new version; see `PYTHON_FILES` and
            `INSTALLED`, `LIBRARIES`.
        packages: those of `watched` in which only what a processor uses counts, each with the number of the processor.
        discard: removes what was made for this version alone. It is called once the last worker is gone.
        target: the words that name it to the command `invoke`.
    """

    config: HostConfig
    name: str
    processors: tuple[ProcessorDeployment, ...]
    warm_up: Path | None = None
    watched: tuple[Path, ...] = ()
    packages: tuple[tuple[Path, int], ...] = ()
    discard: Callable[[], None] = lambda: None
    target: tuple[str, ...] = ()


Prepare = Callable[[], Deployment]
"""
Makes the next version of a service from the files as they are now: it reads the description again, fetches and unpacks.
It runs in a thread of its own, and raises a `HostError` if the result cannot be served.
"""


def watched_environments(spec: WorkerSpec, folder: Path, config: HostConfig) -> list[Path]:
    """
    Return the environments of the Python program in *folder*, for `Deployment.watched`: that of its Python, and the
    `ENV` beside it, which may only be made later.
    """
    environments = [Path(spec.interpreter).parents[1]] if spec.interpreter else []
    if config.python is None:
        environments.append(folder / "ENV")
    return [environment / INSTALLED for environment in environments]
