"""
`eas-host pysdk pack DIR`: the archive of a Python processor's folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.errors import EntryNotFound
from eas_host.pack.member import Member, Packed
from eas_host.pack.tree import Tree, read_tree
from eas_host.pack.writer import write

ENDING: Final = ".tar.gz"
_CONFIG: Final = "pyvenv.cfg"


def pack_folder(folder: Path, target: Path | None = None) -> Packed:
    """
    Pack the contents of *folder* into *target*, by default the archive beside it that is named after it.

    Raises:
        EntryNotFound: there is no such folder.
        EntryInvalid: something in it cannot be packed.
        ConfigError: its `.easignore` is wrong, or the archive cannot be written.
    """
    archive = (target or archive_of(folder)).absolute()
    tree = read_tree(folder, archive)
    log.announce(f"[PYSDK] Creating package: {archive}")
    size = write(tree.members, archive)
    return Packed(archive, tree.members, size, tree.followed, (*tree.notes, *_hints(tree)))


def archive_of(folder: Path) -> Path:
    """
    The archive of *folder*: beside it and named after it, by its real name.
    """
    real = folder.resolve()
    if real == real.parent:
        raise EntryNotFound(f"{folder}: the root of the file system; name a processor's folder")
    return real.with_name(f"{real.name}{ENDING}")


def _hints(tree: Tree) -> Iterator[str]:
    """
    What a user should know of a Python processor's folder, one line each.
    """
    names = {member.name for member in tree.members}
    if "app.py" not in names:
        yield "no app.py in it: processor_entry must name the file that is to run"
    if not any(name.startswith("ENV/") for name in names):
        yield "no ENV in it: what the program imports must come from `requirements` or from the image"
    for member in tree.members:
        if member.name.rpartition("/")[2] == _CONFIG and member.name.count("/") <= 1 and member.source is not None:
            yield from _venv(member, member.source)


def _venv(member: Member, source: Path) -> Iterator[str]:
    """
    What a venv, of which *source* is the configuration, needs where it runs.
    """
    text = source.read_text(encoding="utf-8", errors="replace")
    settings = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    version = settings.get("version") or settings.get("version_info") or ""
    python = " ".join(filter(None, ("Python", ".".join(version.split(".")[:2]))))
    folder = member.name.rpartition("/")[0] or "it"
    home = settings.get("home", "the place where it was made")
    yield f"{folder} is a venv: it needs {python} in {home} where it is served; a conda prefix brings its own"
