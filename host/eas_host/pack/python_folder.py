"""
Packs the folder of a Python processor: `eas-host pysdk pack DIR`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.errors import EntryNotFound
from eas_host.pack.archive.folder_contents import FolderContents, read_folder
from eas_host.pack.archive.member import ArchiveMember, PackedArchive
from eas_host.pack.archive.writer import write

ENDING: Final = ".tar.gz"
_VENV_CONFIG: Final = "pyvenv.cfg"


def pack_folder(folder: Path, target: Path | None = None, *, dry_run: bool = False) -> PackedArchive:
    """
    Pack the contents of *folder* into *target*, by default the archive beside it that is named after it. A *dry_run*
    writes nothing.

    Raises:
        EntryNotFound: there is no such folder.
        EntryInvalid: something in it cannot be packed.
        ConfigError: its `.easignore` is wrong, or the archive cannot be written.
    """
    archive = (target or archive_of(folder)).absolute()
    contents = read_folder(folder, archive)
    size = None
    if not dry_run:
        log.announce(f"[PYSDK] Creating package: {archive}")
        size = write(contents.members, archive)
    notes = (*contents.notes, *_hints(contents))
    return PackedArchive(archive, contents.members, size, contents.followed, notes, contents.left_out)


def archive_of(folder: Path) -> Path:
    """
    Name the archive of *folder*: it lies beside the folder and has its real name.
    """
    real = folder.resolve()
    if real == real.parent:
        raise EntryNotFound(f"{folder}: the root of the file system; name a processor's folder")
    return real.with_name(f"{real.name}{ENDING}")


def _hints(contents: FolderContents) -> Iterator[str]:
    """
    Yield what a user should know about a Python processor's folder, one line each.
    """
    names = {member.name for member in contents.members}
    if "app.py" not in names:
        yield "no app.py in it: processor_entry must name the file that is to run"
    if not any(name.startswith("ENV/") for name in names):
        yield "no ENV in it: what the program imports must come from `requirements` or from the image"
    for member in contents.members:
        is_config = member.name.rpartition("/")[2] == _VENV_CONFIG and member.name.count("/") <= 1
        if is_config and member.source is not None:
            yield _venv_hint(member, member.source)


def _venv_hint(member: ArchiveMember, source: Path) -> str:
    """
    Say what a venv needs where it runs. *source* is the file of its configuration, *member*.
    """
    text = source.read_text(encoding="utf-8", errors="replace")
    settings = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    version = settings.get("version") or settings.get("version_info") or ""
    python = " ".join(filter(None, ("Python", ".".join(version.split(".")[:2]))))
    folder = member.name.rpartition("/")[0] or "it"
    home = settings.get("home", "the place where it was made")
    return f"{folder} is a venv: it needs {python} in {home} where it is served; a conda prefix brings its own"
