"""
Links outside of the workspaces, for `--workspace` and for absolute mount paths of `storage[]`.

All versions of a service share such a link. While versions overlap, it leads to the newest one; if that one goes
because it did not load, the link leads to the one before it again. A link that this process has not made is never
changed.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Protocol


class LinkOwner(Protocol):
    """
    What a link is made for: the workspace of one version.
    """

    def record_link(self, link: Path, target: Path) -> None:
        """
        Record the link, so that the next host can remove it if this one is killed.
        """


class ExternalLinks:
    """
    All links outside of the workspaces that this process has made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[Path, list[tuple[LinkOwner, Path]]] = {}

    def has(self, link: Path) -> bool:
        """
        Tell whether this process has made *link*.
        """
        return link in self._targets

    def add(self, owner: LinkOwner, link: Path, target: Path) -> None:
        """
        Make *link* lead to *target* for *owner*. The caller has checked that nothing of others is there.

        Raises:
            OSError: the link cannot be made.
        """
        with self._lock:
            owner.record_link(link, target)
            _point(link, target)
            self._targets.setdefault(link, []).append((owner, target))

    def remove_all(self, owner: LinkOwner) -> None:
        """
        Remove the links of *owner*, which is about to be removed, or let them lead to another version again.
        """
        with self._lock:
            for link, targets in list(self._targets.items()):
                left = [(other, target) for other, target in targets if other is not owner]
                if len(left) == len(targets):
                    continue
                with contextlib.suppress(OSError):  # somebody else has put something there, which stays
                    remove_link(link, targets[-1][1])
                    if left:
                        _point(link, left[-1][1])
                if left:
                    self._targets[link] = left
                else:
                    del self._targets[link]


def remove_link(link: Path, target: Path) -> None:
    """
    Remove *link* if it still leads to *target*.
    """
    if link.is_symlink() and os.readlink(link) == str(target):  # noqa: PTH115  the text, unresolved
        link.unlink()


def _point(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    try:
        fresh.replace(link)  # atomically, since a program may be using the link
    except OSError:
        fresh.unlink()
        raise
