"""
How `--user` and `--sandbox` affect a deployment: that user owns the workspace, and a program that runs while a version
is prepared, such as the Python of a package, has no more rights than a worker.
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
    from eas_host.deploy.python.interpreter import Confine
    from eas_host.sandbox.confinement import Confinement


def requested_confinement(config: HostConfig) -> Confinement | None:
    """
    Return the confinement that *config* asks for; None if it asks for none.

    Raises:
        ConfigError: there is no such user, or this process may not become that user.
    """
    if not config.user and not config.sandbox:
        return None
    # Imported late: most hosts confine nothing.
    from eas_host.sandbox.confinement import Confinement  # noqa: PLC0415

    return Confinement.of(config)


def command_confiner(config: HostConfig, folder: Path, *more: str) -> Confine:
    """
    Return the function that turns a command of a program in the package *folder* into one with fewer rights. A sandbox
    shows it *more*, too.
    """
    confined = requested_confinement(config)
    readable = (str(folder), str(folder.resolve()), *more)
    return list if confined is None else partial(confined.program_command, readable=readable)


def confine_workers(deployment: Deployment) -> Deployment:
    """
    Decide what the workers of *deployment* may access, and check that they can use it; discard it if they cannot.

    Raises:
        HostError: a worker could not read what it needs, or no part of the sandbox can be enforced.
    """
    confined = requested_confinement(deployment.config)
    if confined is None:
        return deployment
    parts = tuple(replace(part, spec=confined.resolve_paths(part.spec)) for part in deployment.processors)
    try:
        for part in parts:
            confined.check(part.spec)
    except BaseException:
        deployment.discard()
        raise
    return replace(deployment, processors=parts)


def hand_over(confined: Confinement | None, workspace: Path, parts: Iterable[Path]) -> None:
    """
    Make the user of `--user` the owner of *parts* of *workspace*, to which only root had access so far. The workspace
    itself and the files that the front reads there stay root's. A file with a further hard link belongs to the cache:
    its owner stays, and the user may read it.

    A folder changes its owner after its content, and each name is looked up in a folder that root still owns: the user
    could rename what he owns already, and put a link in its place.
    """
    if confined is None or confined.user is None:
        return
    user, group = confined.user.number, confined.user.group
    os.chown(workspace, -1, group)
    workspace.chmod(0o750)
    for part in filter(os.path.lexists, parts):
        for _, folders, files, above in os.fwalk(part, topdown=False):  # yields nothing for a file
            for name in (*folders, *files):
                _change_owner(name, above, user, group)
        _change_owner(str(part), None, user, group)


def _change_owner(name: str, above: int | None, user: int, group: int) -> None:
    status = os.stat(name, dir_fd=above, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
        os.chown(name, user, group, dir_fd=above, follow_symlinks=False)
