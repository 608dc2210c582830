"""
`--workspace`: where programs with an absolute path of EAS's (docs/eas-compatibility.md, section 8.1) find the
workspace of the version that serves.

What is put there are links, one for each part of the workspace; the place itself is the user's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.deploy.layout import Tree
from eas_host.deploy.links import Links
from eas_host.deploy.workspace import Workspace
from eas_host.errors import ConfigError
from eas_host.system import safe_path

_ADVICE: Final = "or name another folder with --workspace DIR"


def show(workspace: Workspace, fixed: Path | None, trees: Sequence[Tree], links: Links) -> None:
    """
    Show *workspace* at *fixed*. A model that is there already, mounted into a container, say, is used where the
    description names none.

    Raises:
        ConfigError: there is something else, or nothing may be made there.
    """
    if fixed is not None:
        _refuse_others(fixed)
    for tree in trees:
        if not os.path.lexists(tree.model):
            _adopt(tree, fixed, links) if fixed is not None and tree.root == workspace.folder else tree.model.mkdir()
    if fixed is None:
        return
    for part in sorted(workspace.folder.iterdir()):
        link = fixed / part.name
        if part.is_symlink() and Path(os.readlink(part)) == link:  # noqa: PTH115  it was adopted
            continue
        if link.exists() and not links.has(link):
            raise ConfigError(
                f"--workspace {fixed}: {part.name} is there already, and not ours; remove it, or name another folder"
            )
        try:
            links.add(workspace, link, part)
        except OSError as error:
            raise ConfigError(f"--workspace {fixed}: {link}: {error.strerror}") from error


def _refuse_others(fixed: Path) -> None:
    """
    Refuse a place where others could exchange the links, or prepare a model. Its owner could, too; but a volume of a
    container has the owner that it has outside, and was named on purpose.
    """
    try:
        owner = safe_path.refuse_writable(fixed, advice=_ADVICE)
    except OSError as error:
        raise ConfigError(f"--workspace {fixed}: {error.strerror}") from error
    if owner is not None:
        log.warning("--workspace %s: user %d owns it and can change what the processor finds there", fixed, owner)


def _adopt(tree: Tree, fixed: Path, links: Links) -> None:
    theirs = fixed / "model"
    if theirs.exists() and not links.has(theirs):
        tree.model.symlink_to(theirs)
    else:
        tree.model.mkdir()
