"""
The user of `--user`, as whom processors run.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

from eas_host.errors import ConfigError


@dataclass(frozen=True)
class User:
    """
    A user of this machine; one that is given as a number need not have an entry in /etc/passwd.

    Attributes:
        name: the name in messages.
        number: the user's number.
        group: the number of the main group.
        groups: the numbers of all groups.
        home: the home folder.
    """

    name: str
    number: int
    group: int
    groups: tuple[int, ...]
    home: str

    @property
    def variables(self) -> dict[str, str]:
        """
        The environment variables that a login would set.
        """
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}


def find_user(text: str) -> User:
    """
    Find the user that *text* names, as NAME or NAME:GROUP; each may be a number.

    Raises:
        ConfigError: there is no such user or group, or this process may not become that user.
    """
    name, colon, group_name = text.partition(":")
    entry = _entry(name)
    if entry is None and not _is_number(name):
        raise ConfigError(f"--user {text}: there is no user called {name!r} on this machine; a number needs no entry")
    if colon:
        group = _group(group_name, text)
    elif entry is not None:
        group = entry.pw_gid
    else:
        group = int(name)  # on most systems each user has a group of the same number
    if os.geteuid() != 0:
        raise ConfigError(
            f"--user {text}: only root can run workers as another user; start the host as root, or as {name} itself"
            " without --user"
        )
    if entry is None:
        return User(name, int(name), group, (group,), "/")
    groups = tuple(os.getgrouplist(entry.pw_name, group))
    return User(entry.pw_name, entry.pw_uid, group, groups, entry.pw_dir)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(name)) if _is_number(name) else pwd.getpwnam(name)
    except KeyError:
        return None


def _group(name: str, text: str) -> int:
    if _is_number(name):
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(f"--user {text}: there is no group called {name!r} on this machine") from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 2**32 - 1  # the last one means "no change"
