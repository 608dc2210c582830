"""
Finds the files that a version itself writes among those that are watched, such as a cache beside its model.

The system cannot tell who wrote a file. But a file that changes during each load of a version, and never in between,
is written by the version; without this rule no version could ever take over. After `_PROVING_LOADS` such loads in a row
the file is ignored. After each of these loads, files must be unchanged for twice as long as before to count as settled,
so that a file that is copied slowly is not mistaken for a self-written one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eas_host import log
from eas_host.service.file_watcher import Fingerprint

_PROVING_LOADS: Final = 3
_MAX_SHOWN: Final = 3
"""How many file names a line of the log has."""


class SelfWrittenFiles:
    """
    The files that versions write while they load, as far as they are known.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._written: list[set[str]] = []  # by the last loads, since the last reset

    @property
    def settle_factor(self) -> int:
        """
        How many times as long as usual files must be unchanged to count as settled.
        """
        return 1 << len(self._written)

    def record_load(self, written: list[str]) -> None:
        """
        Record that the files *written* have changed while a version loaded.
        """
        if not written:
            return
        self._written.append(set(written))
        if len(self._written) < _PROVING_LOADS:
            return
        found = set.intersection(*self._written)
        self._written.clear()
        if found:
            self._known |= found
            log.warning(
                "reload: the service itself writes %s while it loads; changes there do not make a new version",
                abbreviate(sorted(found)),
            )

    def reset(self) -> None:
        """
        Forget the last loads: files have changed while nothing was loading, or a loaded version has taken over.
        """
        self._written.clear()

    def exclude_from(self, files: Fingerprint) -> Fingerprint:
        """
        Return *files* without the self-written ones.
        """
        return {name: status for name, status in files.items() if name not in self._known} if self._known else files


def changed_paths(one: Fingerprint, other: Fingerprint) -> list[str]:
    """
    Return the names of the files that differ between the two, sorted.
    """
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def abbreviate(listed: Iterable[str]) -> str:
    """
    List the first of the names *listed*, for a line of the log.
    """
    names = list(listed)
    more = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
