"""
The mounts that a description asks for in `storage[]`, made as links.

A mount path inside EAS's workspace becomes one inside ours, in each model's folder. Any other absolute path is one of
this machine: if something is there already, it stays; if not, a link is made, and removed with the version.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host import log
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.deploy.workspace.model_dir import FetchedSource
from eas_host.deploy.workspace.workspace import Workspace
from eas_host.errors import ConfigError

_WORKSPACES: Final = (PurePosixPath("/home/admin/docker_ml/workspace"), PurePosixPath("/eas/workspace"))
"""The path of EAS's workspace in old images and in new ones (docs/eas-compatibility.md, section 8.1)."""


def mount(path: str, source: FetchedSource, roots: Sequence[Path], workspace: Workspace, links: ExternalLinks) -> None:
    """
    Make *source* appear at the mount path *path*.

    Args:
        path: the mount path in the description.
        source: the file or folder to mount.
        roots: the folders of the models.
        workspace: the workspace that they belong to.
        links: the links outside of it.

    Raises:
        ConfigError: something else is there, or the link cannot be made.
    """
    inside = _inside(path, source.key)
    if inside is None:
        _mount_outside(Path(os.path.normpath(path)), source, workspace, links)
        return
    for root in roots:
        _mount_inside(root, inside, source)


def _inside(path: str, key: str) -> PurePosixPath | None:
    """
    Return the part of *path* below the workspace; None if it leads elsewhere.
    """
    wanted = PurePosixPath(os.path.normpath(path or "."))
    if ".." in wanted.parts:
        raise ConfigError(f"{key}.mount_path: {path!r} leads out of the workspace")
    if not wanted.is_absolute():
        return wanted
    return next((wanted.relative_to(root) for root in _WORKSPACES if wanted.is_relative_to(root)), None)


def _mount_inside(root: Path, inside: PurePosixPath, source: FetchedSource) -> None:
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


def _mount_outside(target: Path, source: FetchedSource, workspace: Workspace, links: ExternalLinks) -> None:
    if os.path.lexists(target) and not links.has(target):
        if not target.exists() or not target.samefile(source.path):
            text = "%s.mount_path: %s is there already and is used as it is, instead of %s"
            log.warning(text, source.key, target, source.path)
        return
    try:
        links.add(workspace, target, source.path)
    except OSError as error:
        raise ConfigError(
            f"{source.key}.mount_path: {target} cannot be made: {error.strerror}; "
            f"type: sudo mkdir -p {target.parent} && sudo ln -s {source.path} {target}"
        ) from error
