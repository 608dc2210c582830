"""
Links outside of the workspaces: what `--workspace` and absolute mount paths of `storage[]` need.

Such a place is one for all versions of a service. While versions overlap, the link shows what the newest wants; when
that one goes, because it did not load, the link goes back. A link that this process has not made is never touched.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Protocol


class Owner(Protocol):
    """
    Who wants a link: the workspace of one version.
    """

    def remember(self, link: Path, target: Path) -> None:
        """
        Note the link where the next host finds it, should this one be killed.
        """


class Links:
    """
    The links of this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[Path, list[tuple[Owner, Path]]] = {}

    def has(self, link: Path) -> bool:
        """
        Whether *link* is one of ours.
        """
        return link in self._wanted

    def add(self, owner: Owner, link: Path, target: Path) -> None:
        """
        Make *link* show *target* for *owner*. The caller has seen that nobody else's file is there.

        Raises:
            OSError: it cannot be made.
        """
        with self._lock:
            owner.remember(link, target)
            _point(link, target)
            self._wanted.setdefault(link, []).append((owner, target))

    def drop(self, owner: Owner) -> None:
        """
        *owner* is about to go: remove its links, or let them show what another version wants there.
        """
        with self._lock:
            for link, wanted in list(self._wanted.items()):
                left = [(other, target) for other, target in wanted if other is not owner]
                if len(left) == len(wanted):
                    continue
                with contextlib.suppress(OSError):  # somebody else has put something there: it stays
                    remove(link, wanted[-1][1])
                    if left:
                        _point(link, left[-1][1])
                if left:
                    self._wanted[link] = left
                else:
                    del self._wanted[link]


def remove(link: Path, target: Path) -> None:
    """
    Remove *link* if it still shows *target*.
    """
    if link.is_symlink() and os.readlink(link) == str(target):  # noqa: PTH115  the text, unresolved
        link.unlink()


def _point(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    try:
        fresh.replace(link)  # in one step: a program may be looking
    except OSError:
        fresh.unlink()
        raise
