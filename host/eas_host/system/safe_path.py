"""
Folders and files that no other user can change. Whoever may write to a folder decides what is loaded from it.

Theory, that of sshd's StrictModes: every folder from `/` down to the one that is used is checked.

- Its owner must be this process's user, root, or the owner of `/`: these can change everything anyway.
- Others may write to it only if it is sticky, as /tmp is, where users can rename and remove only their own files.
  Nobody else may write to the last folder, the one that is used.
- A symbolic link is checked in the same way. This module follows it, not the kernel.

Each folder is opened by its name in the one before, without following links, and the check is made on its descriptor,
so that nothing can be replaced between the check and the use. Once all checks have passed, no other user can change any
name on the path, and plain paths may be used.

A group counts as others, except for the private group that distributions give each user, and root's if it has no other
members: with these distributions' umask of 002, every file is writable for the private group.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError

_MAX_LINKS: Final = 40  # the kernel's own limit, MAXSYMLINKS
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ACL: Final = "system.posix_acl_access"
CACHE_ADVICE: Final = "or name a folder of your own with --cache DIR"


class UnsafePath(ConfigError):
    """
    Another user can change a file or folder that is to be used.
    """


def private_folder(path: Path, mode: int = 0o700, *, advice: str = CACHE_ADVICE) -> None:
    """
    Check that nobody else can change the folder *path*. Missing folders are made, with *mode*.

    Raises:
        UnsafePath: somebody else can change it.
        OSError: it cannot be made or checked.
    """
    _PathWalk(path, advice, mode, None).run()


def check_not_writable(path: Path, *, advice: str) -> int | None:
    """
    Check that others may neither write to the folder *path* nor change a name on the path. Makes no missing folder.

    Returns:
        The number of a user, neither root nor this one, who owns a folder on the path; None if there is no such user.

    Raises:
        UnsafePath: others may write to it.
        OSError: it cannot be checked.
    """
    foreign: list[int] = []
    _PathWalk(path, advice, None, foreign).run()
    return foreign[-1] if foreign else None


def open_private(path: Path, flags: int) -> int:
    """
    Open the file *path* in a private folder, as `os.open` does. A new file gets the mode 0600.

    Raises:
        UnsafePath: it belongs to somebody else, others may write to it, or it is a link.
        OSError: the system cannot open it.
    """
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        if path.is_symlink():
            raise UnsafePath(f"{path}: is a link, where the host makes none; remove it, {CACHE_ADVICE}") from None
        raise
    try:
        _require_private(os.fstat(file), str(path), file, "remove it")
    except BaseException:
        os.close(file)
        raise
    return file


def check_tree(root: Path, owners: Collection[int] = ()) -> None:
    """
    Check the file *root*, or everything in the folder *root*, which lies in a private folder. The files may also belong
    to *owners*.

    Raises:
        UnsafePath: something in it belongs to somebody else, or others may write to it.
    """
    trusted = {*_trusted_users(), *owners}
    status = os.lstat(root)
    _require_private(status, str(root), None, "remove it", trusted)
    waiting = [str(root)] if stat.S_ISDIR(status.st_mode) else []
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_uid not in trusted or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    _require_private(status, entry.path, None, f"remove {root}", trusted)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)


class _PathWalk:
    """
    Checks all folders from `/` to *path*. Missing ones are made with *mode*; if that is None, the walk ends there.
    Untrusted owners are refused, or added to *foreign* if it is given.
    """

    def __init__(self, path: Path, advice: str, mode: int | None, foreign: list[int] | None) -> None:
        self._path = path
        self._advice = advice
        self._mode = mode
        self._foreign = foreign
        self._names = [*reversed(Path(os.path.abspath(path)).parts[1:])]  # noqa: PTH100  the text, links unresolved
        self._links = 0
        self._names_so_far: list[str] = []
        self._folders: list[int] = []  # one more than names so far: `/`

    def run(self) -> None:
        """
        Check all folders; the last one is the one that is used.
        """
        with ExitStack() as opened:
            try:
                self._enter(opened, "/", None)
                while self._names:
                    if not self._step(opened, self._names.pop()):
                        return
            except OSError as error:
                error.filename = str(self._path)  # the error has the last name only
                raise
            self._check_folder(sticky=False)

    def _step(self, opened: ExitStack, name: str) -> bool:
        """
        Go on to *name*, and tell whether there is such a folder.
        """
        if name == "..":  # from the text of a link
            if self._names_so_far:
                self._names_so_far.pop()
                self._folders.pop()
            return True
        above = self._folders[-1]
        try:
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            if self._mode is None:
                return False
            with contextlib.suppress(FileExistsError):  # another host has just made it
                os.mkdir(name, self._mode, dir_fd=above)
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            self._follow(name, status)
        else:
            self._names_so_far.append(name)
            self._enter(opened, name, above)
        return True

    def _follow(self, name: str, status: os.stat_result) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise UnsafePath(f"{self._path}: its links lead in a circle; {self._advice.removeprefix('or ')}")
        if status.st_uid not in _trusted_users():
            self._reject_owner(status, f"{self._place.rstrip('/')}/{name}", "remove that link")
        text = os.readlink(name, dir_fd=self._folders[-1])
        if text.startswith("/"):
            del self._names_so_far[:], self._folders[1:]
        self._names += [part for part in reversed(text.split("/")) if part not in {"", "."}]

    def _enter(self, opened: ExitStack, name: str, above: int | None) -> None:
        folder = os.open(name, _FOLDER, dir_fd=above)
        opened.callback(os.close, folder)
        self._folders.append(folder)
        self._check_folder(sticky=True)

    def _check_folder(self, *, sticky: bool) -> None:
        """
        Check the folder that was entered last. With *sticky*, others may write to it if it is a sticky one.
        """
        status = os.fstat(self._folders[-1])
        if status.st_uid not in _trusted_users():
            self._reject_owner(status, self._place, f"if it is yours, type: chown {os.geteuid()} {self._place}")
        own = bool(status.st_mode & stat.S_ISVTX)
        if not (sticky and own) and _others_may_write(status, self._folders[-1]):
            remedy = "use one in it" if own else f"type: chmod go-w {self._place}, when you know what is in it"
            raise _unsafe(self._place, status, "others", remedy, self._advice)

    def _reject_owner(self, status: os.stat_result, place: str, remedy: str) -> None:
        if self._foreign is None:
            raise _unsafe(place, status, "its owner", remedy, self._advice)
        self._foreign.append(status.st_uid)

    @property
    def _place(self) -> str:
        return "/" + "/".join(self._names_so_far)


def _require_private(
    status: os.stat_result, place: str, file: int | None, remedy: str, trusted: Collection[int] | None = None
) -> None:
    if status.st_uid not in (_trusted_users() if trusted is None else trusted):
        raise _unsafe(place, status, "its owner", remedy, CACHE_ADVICE)
    if not stat.S_ISLNK(status.st_mode) and _others_may_write(status, place if file is None else file):
        raise _unsafe(place, status, "others", remedy, CACHE_ADVICE)


def _unsafe(place: str, status: os.stat_result, who: str, remedy: str, advice: str) -> UnsafePath:
    owner, mode = _user_name(status.st_uid), stat.S_IMODE(status.st_mode)
    return UnsafePath(
        f"{place}: belongs to {owner}, mode {mode:04o}: {who} could change what this host loads; {remedy}, {advice}"
    )


def _trusted_users() -> set[int]:
    return {os.geteuid(), 0, os.lstat("/").st_uid}


def _others_may_write(status: os.stat_result, file: int | str) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not (_is_private_group(status.st_gid) and not _has_acl(file))


def _is_private_group(group: int) -> bool:
    """
    Tell whether *group* has no members but this user and root.
    """
    try:
        entry = grp.getgrgid(group)
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    if group == 0:
        return set(entry.gr_mem) <= {"root", user}
    return entry.gr_name == user and set(entry.gr_mem) <= {user}


def _has_acl(file: int | str) -> bool:
    """
    Tell whether an access control list names further users. If so, the group's bits apply to all of them.
    """
    try:
        os.getxattr(f"/proc/self/fd/{file}" if isinstance(file, int) else file, _ACL)
    except OSError:
        return False
    return True


def _user_name(number: int) -> str:
    try:
        return f"{pwd.getpwuid(number).pw_name} (user {number})"
    except KeyError:
        return f"user {number}"
