"""
`storage[]`: what a description wants mounted, as links.

A mount path inside EAS's workspace is one inside ours, in each model's tree. Any other absolute path is meant for this
machine: what is there already stays, and where nothing is, a link is made and removed with the version.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host import log
from eas_host.deploy.layout import Source
from eas_host.deploy.links import Links
from eas_host.deploy.workspace import Workspace
from eas_host.errors import ConfigError

_WORKSPACES: Final = (PurePosixPath("/home/admin/docker_ml/workspace"), PurePosixPath("/eas/workspace"))
"""Where EAS has the workspace, in old images and in new ones (docs/eas-compatibility.md, section 8.1)."""


def mount(path: str, source: Source, trees: Sequence[Path], workspace: Workspace, links: Links) -> None:
    """
    Have what is at *source* at the mount path *path*.

    Args:
        path: as the description has it.
        source: the file or folder.
        trees: where the models' trees are.
        workspace: what they belong to.
        links: those outside of it.

    Raises:
        ConfigError: something else is there, or nothing may be made there.
    """
    inside = _inside(path, source.key)
    if inside is None:
        _mount_outside(Path(os.path.normpath(path)), source, workspace, links)
        return
    for root in trees:
        _mount_inside(root, inside, source)


def _inside(path: str, key: str) -> PurePosixPath | None:
    """
    The part of *path* below the workspace; None if it leads elsewhere.
    """
    wanted = PurePosixPath(os.path.normpath(path or "."))
    if ".." in wanted.parts:
        raise ConfigError(f"{key}.mount_path: {path!r} leads out of the workspace")
    if not wanted.is_absolute():
        return wanted
    return next((wanted.relative_to(place) for place in _WORKSPACES if wanted.is_relative_to(place)), None)


def _mount_inside(root: Path, inside: PurePosixPath, source: Source) -> None:
    target = root / inside
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        target.rmdir()
    if os.path.lexists(target):
        shown = f"{inside}/" if target.is_dir() else str(inside)
        raise ConfigError(f"{source.key}.mount_path: {shown} of the workspace has something in it already")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(root.resolve()):
            raise ConfigError(f"{source.key}.mount_path: {target.parent.name}/ is not the workspace's own folder")
        target.symlink_to(source.path)
    except OSError as error:
        raise ConfigError(f"{source.key}.mount_path: cannot be made in the workspace: {error.strerror}") from error


def _mount_outside(target: Path, source: Source, workspace: Workspace, links: Links) -> None:
    if os.path.lexists(target) and not links.has(target):
        if not target.exists() or not target.samefile(source.path):
            found = "%s.mount_path: %s is there already and is used as it is, instead of %s"
            log.warning(found, source.key, target, source.path)
        return
    try:
        links.add(workspace, target, source.path)
    except OSError as error:
        raise ConfigError(
            f"{source.key}.mount_path: {target} cannot be made: {error.strerror}; "
            f"type: sudo mkdir -p {target.parent} && sudo ln -s {source.path} {target}"
        ) from error
