"""
Says what has been packed, as plain text that reads well on a terminal and in a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from eas_host import log
from eas_host.log.table import printable, table
from eas_host.pack.archive.member import MemberType, PackedArchive
from eas_host.pack.processor import PackedProcessor

MAX_PARTS: Final = 10

_CONTAINER: Final = re.compile(r"ENV|lib|lib64|site-packages|dist-packages|python\d+(\.\d+)?")
"""Folders whose names say nothing about their contents. The parts of an environment are the folders below these."""

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def report(packed: PackedArchive) -> None:
    """
    Print what *packed* holds: its sizes, its largest parts, the links that were followed, and warnings.
    """
    largest = list(parts(packed))
    if packed.packed_size is None:
        _report_members(packed)
    elif len(largest) > 1:
        shown, rest = largest[:MAX_PARTS], largest[MAX_PARTS:]
        rows = [(short_size(size), f"{_share(size, packed.size)}%", name) for name, size in shown]
        if rest:
            size = sum(size for _, size in rest)
            rows.append((short_size(size), f"{_share(size, packed.size)}%", f"{len(rest)} more"))
        log.announce(table(("size", "", "part"), rows, right=(0, 1)))
    _report_archive(packed)


def _report_members(packed: PackedArchive) -> None:
    """
    Print every file of an archive that has not been written.
    """
    rows = [(member.name, short_size(member.size)) for member in packed.members if member.type is MemberType.FILE]
    log.announce(table(("file", "size"), rows, right=(1,)))


def _report_archive(packed: PackedArchive) -> None:
    """
    Print what every report has: what was left out, the links that were followed, warnings, and the sizes.
    """
    if packed.left_out:
        shown = packed.left_out if packed.packed_size is None else packed.left_out[:MAX_PARTS]
        left = [(f"  {one.name}", short_size(one.size), one.reason) for one in shown]
        more = len(packed.left_out) - len(shown)
        last = f"\n  and {more} more, which --dry-run names" if more else ""
        log.announce(f"left out:\n{table((), left, right=(1,))}{last}")
    if packed.followed:
        rows = [(f"  {link.name}", f"<- {link.source}") for link in packed.followed]
        log.announce(f"packed in place of links that lead out:\n{table((), rows)}")
    for note in packed.notes:
        log.warning("%s", printable(note))
    files = f"{packed.files:,} file{'s' if packed.files != 1 else ''}"
    place = printable(str(packed.path))
    if packed.packed_size is None:
        log.announce(f"{files}, {short_size(packed.size)}; nothing is written; without --dry-run: {place}")
    else:
        log.announce(f"{files}, {short_size(packed.size)}, packed {short_size(packed.packed_size)}: {place}")


def report_processor(done: PackedProcessor) -> None:
    """
    Print which files were added to the package of *done*, and which libraries were left out.
    """
    rows = [(row.name, short_size(row.size), f"{row.reason}: {row.source}") for row in done.added]
    log.announce(table(("file", "size", "from"), rows, right=(1,)))
    added = {row.name for row in done.added}
    others = [one.name for one in done.packed.members if one.type is MemberType.FILE and one.name not in added]
    if others and done.packed.packed_size is None:
        _report_members(done.packed)
    elif others:
        # Named, since it may be a description with a token in it.
        names = ", ".join(map(printable, others[:MAX_PARTS]))
        more = f" and {len(others) - MAX_PARTS:,} more, which --dry-run names" if len(others) > MAX_PARTS else ""
        log.announce(f"and {len(others):,} other file{'s' if len(others) > 1 else ''} of the folder: {names}{more}")
    if done.excluded:
        rows = [(f"  {library.name}", library.component, ", ".join(library.versions)) for library in done.excluded]
        log.announce(f"left to the system where it is served, in these versions or newer:\n{table((), rows)}")
    _report_archive(done.packed)


def parts(packed: PackedArchive) -> Iterator[tuple[str, int]]:
    """
    Yield the parts of *packed* with their sizes, the largest first: the packages of an environment, and the files and
    folders at the top.
    """
    sizes: Counter[str] = Counter()
    for member in packed.members:
        if member.type is MemberType.FILE:
            sizes[_part(member.name)] += member.size
    yield from sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def _part(name: str) -> str:
    """
    Name the part that the file *name* belongs to: its path up to the first name that says something.
    """
    words = name.split("/")
    depth = next((at for at, word in enumerate(words) if not _CONTAINER.fullmatch(word)), len(words) - 1)
    return "/".join(words[: depth + 1]) + ("/" if depth + 1 < len(words) else "")


def _share(size: int, whole: int) -> int:
    return round(100 * size / whole) if whole else 0


def short_size(size: float) -> str:
    """
    Write *size*, in bytes, for people: `1.2 GiB`.
    """
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size /= _STEP
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
