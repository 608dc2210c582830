"""
A Java processor whose entry is a jar with jars inside: what a JVM would not find in it is unpacked to the workspace.

Only the entry's own jars are looked at. What --classpath names is taken as the JVM takes it: a library may have jars in
a folder lib/ for purposes of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eas_host.archives import jar_layouts
from eas_host.config import WorkerSpec


def packed(spec: WorkerSpec) -> Mapping[Path, jar_layouts.JarLayout]:
    """
    The jars of *spec*'s entry from which something must be unpacked.
    """
    if spec.type != "java":
        return {}
    entry = Path(spec.entry.removesuffix("/*"))
    own = [*map(Path, jar_layouts.jars_in(entry))] if entry.is_dir() else [entry]
    found = ((jar, jar_layouts.layout(jar)) for jar in own)
    # Where several jars lie beside one another, one that has more in lib/ is no program but a library.
    wanted = jar_layouts.LAYOUTS if len(own) == 1 else (jar_layouts.SPRING_BOOT, jar_layouts.WAR)
    return {jar: layout for jar, layout in found if layout is not None and layout in wanted}


def unpack(spec: WorkerSpec, found: Mapping[Path, jar_layouts.JarLayout], target: Path) -> WorkerSpec:
    """
    Unpack from the jars that were *found* to folders in *target*.

    Raises:
        EntryInvalid: a jar is broken, or not allowed.
    """
    unpacked = {
        str(jar): _unpack(jar, layout, target / f"{number}-{jar.stem}")
        for number, (jar, layout) in enumerate(found.items())
    }
    return replace(spec, unpacked=unpacked)


def _unpack(jar: Path, layout: jar_layouts.JarLayout, folder: Path) -> tuple[str, ...]:
    """
    Unpack *jar*. Its libraries stay in the order in which it has them: the builder's class path.
    """
    from eas_host.fetch import archive  # noqa: PLC0415  few processors have something to unpack

    order: dict[str, int] = {}

    def wanted(member: str) -> bool:
        if not layout.must_unpack(member):
            return False
        order.setdefault(str(folder / member), len(order))
        return True

    archive.unpack_members(jar, folder, wanted)
    return tuple(sorted(jar_layouts.class_path_elements(folder, layout), key=lambda path: order.get(path, -1)))
