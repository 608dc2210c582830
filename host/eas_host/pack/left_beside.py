"""
What lies beside a processor that is packed by itself, and does not go into its package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host.archives.jar_layouts import SUFFIXES
from eas_host.pack.archive.member import LeftOutFile
from eas_host.pack.package_builder import PackageBuilder

_KINDS: Final = {
    "source code": frozenset({".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".java", ".kt", ".py", ".scala"}),
    "made by a compiler on the way": frozenset({".a", ".class", ".d", ".o", ".pyc"}),
    "a log": frozenset({".log"}),
}


def left_beside(entry: Path, package: PackageBuilder, archive: Path) -> Iterator[LeftOutFile]:
    """
    Yield the files beside *entry* that are not in its *package*. The *archive* is none of them.
    """
    packed = {added.source for added in package.added.values()}
    for path in sorted(entry.parent.iterdir()):
        if path.is_file() and path != archive and path.resolve() not in packed:
            yield LeftOutFile(path.name, path.stat().st_size, _reason(path, entry))


def _reason(path: Path, entry: Path) -> str:
    kind = next((kind for kind, endings in _KINDS.items() if path.suffix in endings), None)
    if kind is not None:
        return kind
    if path.suffix in SUFFIXES:
        unnamed = f"neither the manifest of {entry.name} nor that of a jar it names has it in its Class-Path"
        return f"{unnamed}; --classpath packs it"
    return f"{entry.name} does not name it"
