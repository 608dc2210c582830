"""
What `--user` and `--sandbox` mean for files: a workspace becomes that user's, and whatever runs while a version is
prepared, such as the Python of a package, has no more rights than a worker.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
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
    Let the user of `--user` own *parts* of *workspace*, which nobody else has had yet. The workspace itself stays
    root's, and so does what the front reads there. Files that have another name elsewhere are the cache's; he may read
    them.

    A folder becomes his after all that is in it, and each name is looked up in a folder that is still root's: what he
    owns already he can rename, and put a link in its place.
    """
    if confined is None or confined.user is None:
        return
    user, group = confined.user.number, confined.user.group
    os.chown(workspace, -1, group)
    workspace.chmod(0o750)
    for part in filter(os.path.lexists, parts):
        for _, folders, files, above in os.fwalk(part, topdown=False):  # nothing, where it is no folder
            for name in (*folders, *files):
                _give(name, above, user, group)
        _give(str(part), None, user, group)


def _give(name: str, above: int | None, user: int, group: int) -> None:
    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
        os.chown(name, user, group, dir_fd=above, follow_symlinks=False)
