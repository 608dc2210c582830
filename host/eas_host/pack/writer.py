"""
From members to a `.tar.gz`, byte for byte the same whenever and wherever that is done.

What differs between two copies of a folder is left out: owners, times, all of a mode but whether it runs. The archive
is written beside its place and moved there at the end, so that one is whole or not there.
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
from eas_host.pack.gzipped import BLOCK, GzipWriter
from eas_host.pack.member import Kind, Member

TIME: Final = 315532800
"""1980-01-01, the earliest that a .zip can say, and so a time that every tool and file system knows."""

_RUNS, _LIES = 0o755, 0o644
_END: Final = 2 * tarfile.BLOCKSIZE
"""Of zeros, at the end (POSIX, ustar)."""
_TYPES: Final = {Kind.FILE: tarfile.REGTYPE, Kind.FOLDER: tarfile.DIRTYPE, Kind.LINK: tarfile.SYMTYPE}


def write(members: Iterable[Member], target: Path) -> int:
    """
    Write *members* to the archive *target*, which may be there already.

    Returns:
        The archive's size.

    Raises:
        ConfigError: it cannot be written, or SOURCE_DATE_EPOCH is no time.
        EntryInvalid: a member's file cannot be read, or changes meanwhile.
    """
    chosen = list(members)
    time = _time()
    part = target.with_name(f".eas-host-{os.getpid()}.part")
    try:
        if target.is_dir():
            raise ConfigError(f"{target}: a folder; name the archive as a file in it")
        with _stopped_by_exceptions():
            with part.open("wb") as file:
                _pack(chosen, file, time, f"packing {target.name}")
                size = file.tell()
            part.replace(target)
    except OSError as error:  # those of the members' files are translated where they are read
        raise ConfigError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # where it could not be made either, that has been said
            part.unlink()
    return size


def _pack(members: list[Member], file: BinaryIO, time: int, title: str) -> None:
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
        packer.abandon()


def _header(member: Member, time: int) -> bytes:
    header = tarfile.TarInfo(member.name)
    header.type = _TYPES[member.kind]
    header.linkname = member.link
    header.size = member.size
    header.mode = _RUNS if member.runs or member.kind is not Kind.FILE else _LIES
    header.mtime = time
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _copy(path: Path, size: int, packer: GzipWriter) -> None:
    """
    Write the *size* bytes of the file *path*.
    """
    left = size
    for piece in _pieces(path):
        left -= len(piece)
        if left < 0:
            break
        packer.write(piece)
    if left != 0:
        raise EntryInvalid(f"{path}: changed while it was packed; pack again when nobody writes to it")
    packer.write(bytes(-size % tarfile.BLOCKSIZE))


def _pieces(path: Path) -> Iterator[bytes]:
    """
    What is in the file *path*. Failures to read are translated here, so that they are not taken for the archive's.
    """
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(BLOCK):
                yield piece
    except OSError as error:
        raise EntryInvalid(f"{path}: cannot be read: {error.strerror}; make it readable, or leave it out") from error


def _time() -> int:
    """
    The time that all members have: that of SOURCE_DATE_EPOCH (reproducible-builds.org), if it is set.
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
    Have SIGTERM and SIGHUP raise, as Ctrl+C does, so that no half of an archive is left behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)  # as shells report it

    # One that is ignored stays so: nohup does that to SIGHUP.
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
