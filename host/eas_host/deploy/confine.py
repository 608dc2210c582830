"""
What `--user` and `--sandbox` mean for files: a workspace becomes that user's, and whatever runs while a version is
prepared, such as the Python of a package, has no more rights than a worker.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eas_host.config import HostConfig
from eas_host.deploy.deployment import Deployment

if TYPE_CHECKING:
    from eas_host.deploy.interpreter import Confine
    from eas_host.sandbox.plan import Confinement


def confinement(config: HostConfig) -> Confinement | None:
    """
    What is taken away from programs of the service; None for nothing.

    Raises:
        ConfigError: the user is none, or this process may not become him.
    """
    if not config.user and not config.sandbox:
        return None
    # Imported late: most hosts confine nothing.
    from eas_host.sandbox.plan import Confinement  # noqa: PLC0415

    return Confinement.of(config)


def command(config: HostConfig, folder: Path) -> Confine:
    """
    What makes the command that runs a program of the package in *folder*.
    """
    confined = confinement(config)
    return list if confined is None else partial(confined.command, readable=[str(folder), str(folder.resolve())])


def settled(deployment: Deployment) -> Deployment:
    """
    *deployment*, with what its workers will have settled and tried. A version that they could not use is given back.

    Raises:
        HostError: a worker could not read what it needs, or nothing of a sandbox can be enforced.
    """
    confined = confinement(deployment.config)
    if confined is None:
        return deployment
    parts = tuple(replace(part, spec=confined.settle(part.spec)) for part in deployment.parts)
    try:
        for part in parts:
            confined.check(part.spec)
    except BaseException:
        deployment.discard()
        raise
    return replace(deployment, parts=parts)


def hand_over(confined: Confinement | None, workspace: Path, parts: Iterable[Path]) -> None:
    """
    Let the user of `--user` own *parts* of *workspace*, which nobody else has had yet: where he has been at work, a
    link could lead this elsewhere. The workspace itself stays root's, and so does what the front reads there. Files
    that have another name elsewhere are the cache's; he may read them.
    """
    if confined is None or confined.user is None:
        return
    user, group = confined.user.number, confined.user.group
    os.chown(workspace, -1, group)
    workspace.chmod(0o750)
    for part in filter(os.path.lexists, parts):
        for entry in (part, *(_everything_in(part) if part.is_dir() and not part.is_symlink() else ())):
            status = os.lstat(entry)
            if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                os.chown(entry, user, group, follow_symlinks=False)


def _everything_in(folder: Path) -> Iterator[str]:
    for name, folders, files in os.walk(folder):
        yield from (f"{name}/{entry}" for entry in (*folders, *files))
