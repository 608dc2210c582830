"""
Files that a version itself writes where it is watched: a cache beside its model, say.

Who wrote a file cannot be asked. But what changes again and again while a version loads, and never in between, was
written by what loads; otherwise no version could ever take over. After `_CONVINCING` loads in a row such files do not
make a new version any more. Between them the files have to be calm for twice as long each time, so that one that is
copied slowly is not taken for such a file.
"""

from __future__ import annotations

from typing import Final

from eas_host import log
from eas_host.service.file_watcher import Fingerprint

_CONVINCING: Final = 3
_SHOWN: Final = 3
"""File names in one line of the log."""


class SelfWrittenFiles:
    """
    What loads write, as far as it is known.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._written: list[set[str]] = []  # by the last loads, while nobody else wrote anything

    @property
    def patience(self) -> int:
        """
        How many times as long as usual files have to be calm.
        """
        return 1 << len(self._written)

    def loaded(self, written: list[str]) -> None:
        """
        While a version loaded, the files *written* have changed.
        """
        if not written:
            return
        self._written.append(set(written))
        if len(self._written) < _CONVINCING:
            return
        found = set.intersection(*self._written)
        self._written.clear()
        if found:
            self._known |= found
            log.warning("reload: what loads writes %s itself; that makes no new version", some_of(sorted(found)))

    def interrupted(self) -> None:
        """
        Files have changed while nothing was loading, or a load was used: what came before proves nothing.
        """
        self._written.clear()

    def without(self, files: Fingerprint) -> Fingerprint:
        """
        *files*, but for those that are known.
        """
        return {name: status for name, status in files.items() if name not in self._known} if self._known else files


def differing(one: Fingerprint, other: Fingerprint) -> list[str]:
    """
    The names of those files that are not the same in both.
    """
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def some_of(names: list[str]) -> str:
    """
    Name a few of *names*, for a line of the log.
    """
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
