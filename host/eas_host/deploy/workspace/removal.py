"""
Removes a folder in which an untrusted program may still be at work.

Whoever can write to a folder can rename an entry and put a link in its place. A path that led into the folder may lead
elsewhere a moment later, and root would delete files there. So no paths are used: each name is looked up in a folder
that is held open, and no link is followed. Each folder first becomes ours, accessible to nobody else, and is then
emptied.

Nested folders are not entered recursively: each is moved up, to the top. So neither the stack nor the number of open
files limits how deep a program may nest them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host import log

_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ROUNDS: Final = 4
"""How often a folder is emptied that a program keeps filling, which one of the same user can always do."""


def remove_tree(folder: Path) -> None:
    """
    Remove *folder*, even if it has folders that nobody may write to. Nobody else may have access to its parent folder.
    """
    try:
        home = os.open(folder.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _remove(folder.name, home)
        finally:
            os.close(home)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("%s: cannot be removed (%s); remove it by hand", folder, error.strerror)


def _remove(name: str, home: int) -> None:
    with _open_as_owner(name, home) as top:
        for _ in range(_ROUNDS):
            waiting = _empty(top, top)
            if not waiting:
                break
            while waiting:
                below = waiting.pop()
                with contextlib.suppress(OSError):  # the final rmdir reports what is left
                    with _open_as_owner(below, top) as folder:
                        waiting += _empty(folder, top)
                    os.rmdir(below, dir_fd=top)
    os.rmdir(name, dir_fd=home)


@contextlib.contextmanager
def _open_as_owner(name: str, above: int) -> Iterator[int]:
    """
    Open the folder *name* in *above* after making it ours, so that nobody else can change it any more.
    """
    place = os.open(name, os.O_PATH | _FOLDER, dir_fd=above)
    try:
        own_name = f"/proc/self/fd/{place}"  # works also if the folder may not be read
        if os.fstat(place).st_uid != os.geteuid():
            os.chown(own_name, os.geteuid(), -1)
        os.chmod(own_name, stat.S_IRWXU)  # noqa: PTH101  a descriptor's own name
        folder = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=place)
    finally:
        os.close(place)
    try:
        yield folder
    finally:
        os.close(folder)


def _empty(folder: int, top: int) -> list[str]:
    """
    Remove the files in *folder*, and move the folders in it to *top*.

    Returns:
        The names of these folders in *top*.
    """
    moved = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):  # the final rmdir reports what is left
            try:
                os.unlink(name, dir_fd=folder)
            except IsADirectoryError:
                with _open_as_owner(name, folder):  # only its owner can move a folder that he may not write to
                    moved.append(fresh := f".{secrets.token_hex(8)}")
                    os.rename(name, fresh, src_dir_fd=folder, dst_dir_fd=top)
    return moved
