"""
`--workspace`: a folder with links to the workspace of the version that serves, for programs that use an absolute path
of EAS's (docs/eas-compatibility.md, section 8.1).

There is one link for each part of the workspace. The folder itself belongs to the user.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.deploy.workspace.model_dir import ModelDir
from eas_host.deploy.workspace.workspace import Workspace
from eas_host.errors import ConfigError
from eas_host.system import safe_path

_ADVICE: Final = "or name another folder with --workspace DIR"


def link_workspace(
    workspace: Workspace, link_folder: Path | None, model_dirs: Sequence[ModelDir], links: ExternalLinks
) -> None:
    """
    Link the parts of *workspace* into *link_folder*. If the description names no model, one that is in *link_folder*
    already, as a mount of a container may be, is used.

    Raises:
        ConfigError: something else is there, or a link cannot be made.
    """
    if link_folder is not None:
        _check_not_writable_by_others(link_folder)
    for model_dir in model_dirs:
        if not os.path.lexists(model_dir.model):
            if link_folder is not None and model_dir.root == workspace.folder:
                _adopt_model(model_dir, link_folder, links)
            else:
                model_dir.model.mkdir()
    if link_folder is None:
        return
    for entry in sorted(workspace.folder.iterdir()):
        link = link_folder / entry.name
        if entry.is_symlink() and Path(os.readlink(entry)) == link:  # noqa: PTH115  the adopted model
            continue
        if link.exists() and not links.has(link):
            raise ConfigError(
                f"--workspace {link_folder}: {entry.name} is there already, and this host has not made it; "
                "remove it, or name another folder"
            )
        try:
            links.add(workspace, link, entry)
        except OSError as error:
            raise ConfigError(f"--workspace {link_folder}: {link}: {error.strerror}") from error


def _check_not_writable_by_others(link_folder: Path) -> None:
    """
    Reject a folder in which other users could replace the links, or prepare a model. Its owner could do so, too, but is
    accepted with a warning: a container's volume has the owner that it has outside, and was named on purpose.

    Raises:
        UnsafePath: it is such a folder.
        ConfigError: it cannot be checked.
    """
    try:
        owner = safe_path.check_not_writable(link_folder, advice=_ADVICE)
    except OSError as error:
        raise ConfigError(f"--workspace {link_folder}: {error.strerror}") from error
    if owner is not None:
        log.warning("--workspace %s: user %d owns it and can change what the processor finds there", link_folder, owner)


def _adopt_model(model_dir: ModelDir, link_folder: Path, links: ExternalLinks) -> None:
    theirs = link_folder / "model"
    if theirs.exists() and not links.has(theirs):
        model_dir.model.symlink_to(theirs)
    else:
        model_dir.model.mkdir()
