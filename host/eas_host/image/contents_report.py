"""
Says what an image has of this machine, above all where its user may not expect it: whoever may pull it can read it all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

from eas_host import log
from eas_host.log.table import printable
from eas_host.pack.archive import ignore
from eas_host.pack.archive.folder_contents import FolderContents
from eas_host.pack.archive.member import ArchiveMember, MemberType

_MAX_NAMES: Final = 5
_SECRET: Final = (
    ".env",
    ".env.*",
    ".git-credentials",
    ".netrc",
    "*.key",
    "*.pem",
    "credentials",
    "id_ed25519",
    "id_rsa",
    "token",
    "token.txt",
)
"""Names of files that are secret more often than not. No other names with `token` are: models have a tokenizer.json."""
_PUBLIC: Final = "cacert.pem"
"""The certificates of authorities, which Python's package certifi brings along."""


def report_folder(folder: Path, contents: FolderContents, description: Path) -> None:
    """
    Say in what the image has not just the files of *folder*: its *contents* are without some, and with others. The
    *description* counts as one that it has, since it is written anew.
    """
    for note in contents.notes:
        log.warning("%s: %s", folder, printable(note))
    for link in contents.followed:
        log.info("%s: in place of the link %s is %s", folder, printable(link.name), printable(str(link.source)))
    there = os.path.realpath(description)
    if left_out := [one.name for one in contents.left_out if os.path.realpath(folder / one.name) != there]:
        log.info("%s: left out: %s", folder, _first(left_out))


def report_members(members: Sequence[ArchiveMember]) -> None:
    """
    Say which files an image with *members* has, and which of them look as if they were secret.
    """
    files = [member for member in members if member.type is MemberType.FILE]
    size = sum(member.size for member in files)
    log.info("%d files, %.1f MB: %s", len(files), size / 1e6, _first(f"/{file.name}" for file in files))
    if secrets := [f"/{file.name}" for file in files if _looks_secret(file.name)]:
        log.warning(
            "whoever may pull the image can read %s; what is secret there is left out if %s names it",
            _first(secrets),
            ignore.NAME,
        )


def _looks_secret(name: str) -> bool:
    last = PurePosixPath(name).name
    return last != _PUBLIC and any(fnmatchcase(last, pattern) for pattern in _SECRET)


def _first(names: Iterable[str]) -> str:
    """
    Write the first of *names*, and how many more there are.
    """
    listed = [printable(name) for name in names]
    more = len(listed) - _MAX_NAMES
    return ", ".join([*listed[:_MAX_NAMES], *([f"and {more} more"] if more > 0 else [])])
