"""
Writes members to a `.tar.gz`. The same members give the same bytes at any time and on any machine.

What differs between two copies of a folder is left out: owners, times, and all permissions except the executable bit.
The archive is written beside its target and renamed at the end, so it is complete or not there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tarfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final, NoReturn

from eas_host.errors import ConfigError, EntryInvalid
from eas_host.fetch.progress import progress_display
from eas_host.pack.archive.member import ArchiveMember, MemberType
from eas_host.pack.archive.parallel_gzip import BLOCK, GzipWriter

TIME: Final = 315532800
"""1980-01-01, the earliest time in a .zip, and so a time that every tool and file system can represent."""

_EXECUTABLE_MODE, _FILE_MODE = 0o755, 0o644
_END: Final = 2 * tarfile.BLOCKSIZE
"""How many zero bytes end a tar (POSIX, ustar)."""
_TYPES: Final = {MemberType.FILE: tarfile.REGTYPE, MemberType.FOLDER: tarfile.DIRTYPE, MemberType.LINK: tarfile.SYMTYPE}


def write(members: Iterable[ArchiveMember], target: Path) -> int:
    """
    Write *members* to the archive *target*, which is replaced if it is there already.

    Returns:
        The archive's size in bytes.

    Raises:
        ConfigError: it cannot be written, or SOURCE_DATE_EPOCH is no time.
        EntryInvalid: the file of a member cannot be read, or changes while it is read.
    """
    chosen = list(members)
    time = member_time()
    part = target.with_name(f".eas-host-{os.getpid()}.part")
    try:
        if target.is_dir():
            raise ConfigError(f"{target}: a folder; name the archive as a file in it")
        if not target.parent.is_dir():
            raise ConfigError(f"{target}: cannot be written: there is no folder {target.parent}")
        with _stopped_by_exceptions():
            with part.open("wb") as file:
                _pack(chosen, file, time, f"packing {target.name}")
                size = file.tell()
            part.replace(target)
    except OSError as error:  # errors of the members' files are translated in `_chunks`
        raise ConfigError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # if it could not be made, an error has been raised already
            part.unlink()
    return size


def _pack(members: list[ArchiveMember], file: BinaryIO, time: int, title: str) -> None:
    packer = GzipWriter(file)
    try:
        with (
            progress_display() as display,
            display.track(title, sum(member.size for member in members), lambda: packer.size),
        ):
            for member in members:
                packer.write(_header(member, time))
                if member.source is not None:
                    _copy(member.source, member.size, packer)
            packer.write(bytes(_END + -(packer.size + _END) % tarfile.RECORDSIZE))
            packer.close()
    finally:
        packer.abort()


def _header(member: ArchiveMember, time: int) -> bytes:
    header = tarfile.TarInfo(member.name)
    header.type = _TYPES[member.type]
    header.linkname = member.link
    header.size = member.size
    header.mode = _EXECUTABLE_MODE if member.executable or member.type is not MemberType.FILE else _FILE_MODE
    header.mtime = time
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _copy(path: Path, size: int, packer: GzipWriter) -> None:
    """
    Write the *size* bytes of the file *path*.
    """
    left = size
    for chunk in _chunks(path):
        left -= len(chunk)
        if left < 0:
            break
        packer.write(chunk)
    if left != 0:
        raise EntryInvalid(f"{path}: changed while it was packed; pack again when nobody writes to it")
    packer.write(bytes(-size % tarfile.BLOCKSIZE))


def _chunks(path: Path) -> Iterator[bytes]:
    """
    Yield the content of the file *path*. Its errors are translated here, so they are not taken for errors of the
    archive.
    """
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(BLOCK):
                yield chunk
    except OSError as error:
        raise EntryInvalid(f"{path}: cannot be read: {error.strerror}; make it readable, or leave it out") from error


def member_time() -> int:
    """
    Choose the time of all members: SOURCE_DATE_EPOCH (reproducible-builds.org), if it is set.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return TIME
    if not text.isascii() or not text.isdigit():
        raise ConfigError(f"SOURCE_DATE_EPOCH: {text!r}: expected seconds since 1970, a whole number")
    return int(text)


@contextlib.contextmanager
def _stopped_by_exceptions() -> Iterator[None]:
    """
    Let SIGTERM and SIGHUP raise an exception, as Ctrl+C does, so that no partial archive is left behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)  # as shells report it

    # A signal that is ignored stays ignored: nohup ignores SIGHUP.
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
