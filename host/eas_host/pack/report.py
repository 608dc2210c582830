"""
What has been packed, as plain text that reads well on a terminal and in a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from eas_host import log
from eas_host.pack.member import Kind, Packed
from eas_host.pack.processor import PackedProcessor

LARGEST: Final = 10

_CONTAINER: Final = re.compile(r"ENV|lib|lib64|site-packages|dist-packages|python\d+(\.\d+)?")
"""Folders that say nothing about what is in them: a part of an environment has its name below these."""

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def report(packed: Packed) -> None:
    """
    Print what *packed* holds: its sizes, its largest parts, the links that were followed, and what is worth a warning.
    """
    largest = list(parts(packed))
    if len(largest) > 1:
        shown, rest = largest[:LARGEST], largest[LARGEST:]
        rows = [(size_text(size), f"{_share(size, packed.size)}%", name) for name, size in shown]
        if rest:
            size = sum(size for _, size in rest)
            rows.append((size_text(size), f"{_share(size, packed.size)}%", f"{len(rest)} more"))
        log.announce(table(("size", "", "part"), rows, right=(0, 1)))
    tell(packed)


def tell(packed: Packed) -> None:
    """
    The part of a report that every package has: the links that were followed, warnings, and the sizes.
    """
    if packed.followed:
        rows = [(f"  {link.name}", f"<- {link.source}") for link in packed.followed]
        log.announce(f"packed in place of links that lead out:\n{table((), rows)}")
    for note in packed.notes:
        log.warning("%s", printable(note))
    files = f"{packed.files:,} file{'s' if packed.files != 1 else ''}"
    log.announce(
        f"{files}, {size_text(packed.size)}, packed {size_text(packed.packed_size)}: {printable(str(packed.path))}"
    )


def report_processor(done: PackedProcessor) -> None:
    """
    Print what *done* took and what it left out.
    """
    rows = [(row.name, size_text(row.size), f"{row.reason}: {row.source}") for row in done.taken]
    log.announce(table(("file", "size", "from"), rows, right=(1,)))
    taken = {row.name for row in done.taken}
    others = sum(member.kind is Kind.FILE and member.name not in taken for member in done.packed.members)
    if others > 0:
        log.announce(f"and {others:,} other file{'s' if others > 1 else ''} of the folder")
    if done.left:
        rows = [(f"  {left.name}", left.part, ", ".join(left.versions)) for left in done.left]
        log.announce(f"left to the system where it is served, in these versions or newer:\n{table((), rows)}")
    tell(done.packed)


def parts(packed: Packed) -> Iterator[tuple[str, int]]:
    """
    The parts of *packed*, the largest first: an environment's packages, and what else lies at the top.
    """
    sizes: Counter[str] = Counter()
    for member in packed.members:
        if member.kind is Kind.FILE:
            sizes[_part(member.name)] += member.size
    yield from sorted(sizes.items(), key=lambda item: (-item[1], item[0]))


def _part(name: str) -> str:
    """
    The part that the file *name* belongs to: its path up to the first name that means something.
    """
    words = name.split("/")
    depth = next((at for at, word in enumerate(words) if not _CONTAINER.fullmatch(word)), len(words) - 1)
    return "/".join(words[: depth + 1]) + ("/" if depth + 1 < len(words) else "")


def _share(size: int, whole: int) -> int:
    return round(100 * size / whole) if whole else 0


def size_text(size: float) -> str:
    """
    Write *size*, in bytes, for people: `1.2 GiB`.
    """
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size /= _STEP
        unit += 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """
    Lay out *rows* in columns below *heading*; the columns *right* are set flush right.
    """
    lines = [[printable(cell) for cell in line] for line in ([heading, *rows] if heading else rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    r"""
    Write what a terminal could take for a command, and bytes that are no UTF-8, as `\n`, `\x1b` or `\udcff`: a file's
    name may hold anything.
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
