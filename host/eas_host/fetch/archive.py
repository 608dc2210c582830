"""
Unpacking: whole or not at all.

An archive unpacks into a new folder beside its target, which gets the target's name once everything in it was found to
be right. Whatever goes wrong before, that folder is removed and nothing else has been touched. What is allowed in an
archive is the business of `tree`, how its formats are read that of `tars` and `zips`.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from eas_host.errors import EntryInvalid
from eas_host.fetch.kinds import kind
from eas_host.fetch.progress import bars
from eas_host.fetch.tars import BROKEN, unpack_tar
from eas_host.fetch.tree import LIMITS, Limits, Refused, Tree, shown
from eas_host.fetch.zips import unpack_zip
from eas_host.system.shortage import is_refused, look

__all__ = ["Limits", "kind", "unpack", "unpack_members"]


_BUFFER: Final = 1 << 20


def unpack(archive: Path, target: Path, limits: Limits = LIMITS) -> None:
    """
    Unpack *archive* to the folder *target*, which does not exist yet or is empty.

    Run bits and modification times are kept, owners and other rights are not. Files and folders are their owner's to
    read, write and enter, and nobody else's to write, whatever the archive says; set-uid, set-gid and sticky bits are
    dropped.

    Raises:
        EntryInvalid: it is no archive, it is broken, a member is not allowed or a limit is passed. Nothing is left.
        OSError: the disk takes no more.
    """
    packing = kind(archive)
    if packing is None:
        raise EntryInvalid(f"{archive}: is no archive; expected .tar, .tar.gz, .tar.bz2, .tar.xz or .zip")
    _whole_or_not(archive, target, lambda file, tree: _read(file, packing, tree, limits), limits)


def unpack_members(archive: Path, target: Path, wanted: Callable[[str], bool], limits: Limits = LIMITS) -> None:
    """
    Do the same with those members of a zip, whatever it is called, whose names are *wanted*.
    """
    _whole_or_not(archive, target, lambda file, tree: unpack_zip(file, tree, limits, wanted), limits)


def _whole_or_not(archive: Path, target: Path, read: Callable[[BinaryIO, Tree], None], limits: Limits) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise EntryInvalid(f"{archive}: cannot be unpacked to {target}, which is there already")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    folder.mkdir(mode=0o700)
    try:
        _unpack_into(archive, folder, read, limits)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _unpack_into(archive: Path, folder: Path, read: Callable[[BinaryIO, Tree], None], limits: Limits) -> None:
    try:
        with io.BufferedReader(FileIO(archive), _BUFFER) as file, bars() as board:
            size = os.fstat(file.fileno()).st_size
            tree = Tree(folder, size, limits)
            with board.follow(f"unpacking {archive.name}", size, file.tell):
                read(file, tree)
            tree.settle()
    except Refused as refused:
        member = f"its member {shown(refused.member)} " if refused.member else ""
        raise EntryInvalid(f"{archive}: not unpacked: {member}{refused.reason}") from refused
    except (*BROKEN, zipfile.BadZipFile, UnicodeError, NotImplementedError) as error:
        raise EntryInvalid(f"{archive}: not unpacked: the file is damaged or cut short: {error}") from error
    except OSError as error:
        if is_refused(error):
            look(error, folder)
            raise
        raise EntryInvalid(f"{archive}: not unpacked: {_reason(error, folder)}") from error


def _read(file: BinaryIO, packing: str, tree: Tree, limits: Limits) -> None:
    if packing == "zip":
        unpack_zip(file, tree, limits)
    else:
        unpack_tar(file, packing.removeprefix("tar").removeprefix("."), tree)


def _reason(error: OSError, folder: Path) -> str:
    if error.errno is None:
        return f"the file is damaged: {error}"  # bz2's way to say so
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    member = f"its member {shown(name.removeprefix(f'{folder}/'))}: " if name.startswith(f"{folder}/") else ""
    return f"{member}{error.strerror}"
