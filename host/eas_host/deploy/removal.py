"""
Removing a folder in which a program that cannot be trusted may still be at work.

Whoever can write to a folder can rename what is in it and put a link in its place; a path that led into the tree leads
elsewhere a moment later, where root would delete with all its rights. So nothing here goes by a path: each name is
looked up in a folder that is held open, and no link is followed. A folder is first made ours alone, then emptied.

Folders are not entered one in the other: each is moved up, to the top. So neither the stack nor the number of open
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
"""How often a tree is gone through that a program fills meanwhile: one of our own user can, whatever we do."""


def remove_tree(folder: Path) -> None:
    """
    Remove *folder*, also where there are folders in it that nobody may write to. What it lies in must be ours alone.
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
    with _taken(name, home) as top:
        for _ in range(_ROUNDS):
            waiting = _emptied(top, top)
            if not waiting:
                break
            while waiting:
                below = waiting.pop()
                with contextlib.suppress(OSError):  # the end tells that something is left
                    with _taken(below, top) as folder:
                        waiting += _emptied(folder, top)
                    os.rmdir(below, dir_fd=top)
    os.rmdir(name, dir_fd=home)


@contextlib.contextmanager
def _taken(name: str, above: int) -> Iterator[int]:
    """
    Have the folder *name* in *above*, which nobody else can change any more.
    """
    place = os.open(name, os.O_PATH | _FOLDER, dir_fd=above)
    try:
        own_name = f"/proc/self/fd/{place}"  # what may not be read can only be opened so
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


def _emptied(folder: int, top: int) -> list[str]:
    """
    Remove the files in *folder*, and move the folders in it to *top*.

    Returns:
        What those are called there.
    """
    moved = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):  # the end tells that something is left
            try:
                os.unlink(name, dir_fd=folder)
            except IsADirectoryError:
                with _taken(name, folder):  # only its owner moves one that is closed
                    moved.append(fresh := f".{secrets.token_hex(8)}")
                    os.rename(name, fresh, src_dir_fd=folder, dst_dir_fd=top)
    return moved
