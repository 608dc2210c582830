"""
Unpacks an archive into a folder, wholly or not at all.

An archive is unpacked into a new folder beside its target. When all members are there and allowed, the folder gets the
target's name. If anything goes wrong before, the folder is removed, and nothing else has been touched. `extraction_dir`
decides what is allowed in an archive; `tar_reader` and `zip_reader` read the formats.
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
from eas_host.fetch.progress import progress_display
from eas_host.fetch.unpacking import archive_type
from eas_host.fetch.unpacking.extraction_dir import (
    DEFAULT_LIMITS,
    ArchiveRejected,
    ExtractionDir,
    UnpackLimits,
    quote_name,
)
from eas_host.fetch.unpacking.tar_reader import BROKEN, unpack_tar
from eas_host.fetch.unpacking.zip_reader import unpack_zip
from eas_host.system.disk_errors import is_write_refused, note_missing_inodes

_BUFFER: Final = 1 << 20


def unpack(archive: Path, target: Path, limits: UnpackLimits = DEFAULT_LIMITS) -> None:
    """
    Unpack *archive* to the folder *target*, which does not exist yet or is empty.

    Executable bits and modification times are kept; owners and other permissions are not. Whatever the archive says,
    the owner may read, write and enter all files and folders, and nobody else may write them; set-uid, set-gid and
    sticky bits are dropped.

    Raises:
        EntryInvalid: it is no archive, it is broken, a member is not allowed or a limit is exceeded. Nothing is left.
        OSError: the disk is full or refuses.
    """
    type_ = archive_type.detect(archive)
    if type_ is None:
        raise EntryInvalid(f"{archive}: is no archive; expected .tar, .tar.gz, .tar.bz2, .tar.xz or .zip")
    _wholly_or_not(archive, target, lambda file, target_dir: _read(file, type_, target_dir, limits), limits)


def unpack_members(
    archive: Path, target: Path, wanted: Callable[[str], bool], limits: UnpackLimits = DEFAULT_LIMITS
) -> None:
    """
    Unpack those members of the zip *archive*, whatever the ending of its name, whose names are *wanted*.
    """
    _wholly_or_not(archive, target, lambda file, target_dir: unpack_zip(file, target_dir, limits, wanted), limits)


_Reader = Callable[[BinaryIO, ExtractionDir], None]


def _wholly_or_not(archive: Path, target: Path, read: _Reader, limits: UnpackLimits) -> None:
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


def _unpack_into(archive: Path, folder: Path, read: _Reader, limits: UnpackLimits) -> None:
    try:
        with io.BufferedReader(FileIO(archive), _BUFFER) as file, progress_display() as display:
            size = os.fstat(file.fileno()).st_size
            target_dir = ExtractionDir(folder, size, limits)
            with display.track(f"unpacking {archive.name}", size, file.tell):
                read(file, target_dir)
            target_dir.check_links()
    except ArchiveRejected as rejected:
        member = f"its member {quote_name(rejected.member)} " if rejected.member else ""
        raise EntryInvalid(f"{archive}: not unpacked: {member}{rejected.reason}") from rejected
    except (*BROKEN, zipfile.BadZipFile, UnicodeError, NotImplementedError) as error:
        raise EntryInvalid(f"{archive}: not unpacked: the file is damaged or cut short: {error}") from error
    except OSError as error:
        if is_write_refused(error):
            note_missing_inodes(error, folder)
            raise
        raise EntryInvalid(f"{archive}: not unpacked: {_reason(error, folder)}") from error


def _read(file: BinaryIO, type_: str, target_dir: ExtractionDir, limits: UnpackLimits) -> None:
    if type_ == "zip":
        unpack_zip(file, target_dir, limits)
    else:
        unpack_tar(file, type_.removeprefix("tar").removeprefix("."), target_dir)


def _reason(error: OSError, folder: Path) -> str:
    if error.errno is None:
        return f"the file is damaged: {error}"  # from bz2
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    member = f"its member {quote_name(name.removeprefix(f'{folder}/'))}: " if name.startswith(f"{folder}/") else ""
    return f"{member}{error.strerror}"
