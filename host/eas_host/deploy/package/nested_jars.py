"""
A Java processor whose entry is a jar with jars inside: those that a JVM would not find are unpacked to the workspace.

Only the entry's own jars are looked at. The jars of --classpath are left as they are: a library may have jars in a
folder lib/ for its own purposes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eas_host.archives import jar_layouts
from eas_runtime.worker_spec import WorkerSpec


def find(spec: WorkerSpec) -> Mapping[Path, jar_layouts.JarLayout]:
    """
    Find the jars of *spec*'s entry from which something must be unpacked.
    """
    if spec.type != "java":
        return {}
    entry = Path(spec.entry.removesuffix("/*"))
    own = [*map(Path, jar_layouts.jars_in(entry))] if entry.is_dir() else [entry]
    found = ((jar, jar_layouts.layout(jar)) for jar in own)
    # If there are several jars side by side, one that has more of them in lib/ is a library and not the program.
    wanted = jar_layouts.LAYOUTS if len(own) == 1 else (jar_layouts.SPRING_BOOT, jar_layouts.WAR)
    return {jar: layout for jar, layout in found if layout is not None and layout in wanted}


def unpack(spec: WorkerSpec, found: Mapping[Path, jar_layouts.JarLayout], target: Path) -> WorkerSpec:
    """
    Unpack the jars that `find` has *found* into folders in *target*.

    Raises:
        EntryInvalid: a jar is broken or exceeds a limit.
    """
    unpacked = {
        str(jar): _unpack(jar, layout, target / f"{number}-{jar.stem}")
        for number, (jar, layout) in enumerate(found.items())
    }
    return spec.replace(unpacked=unpacked)


def _unpack(jar: Path, layout: jar_layouts.JarLayout, folder: Path) -> tuple[str, ...]:
    """
    Unpack *jar* and return its class path. The libraries keep the order that they have in it: that of the build.
    """
    from eas_host.fetch.unpacking import archive  # noqa: PLC0415  few processors have something to unpack

    order: dict[str, int] = {}

    def wanted(member: str) -> bool:
        if not layout.must_unpack(member):
            return False
        order.setdefault(str(folder / member), len(order))
        return True

    archive.unpack_members(jar, folder, wanted)
    return tuple(sorted(jar_layouts.class_path_elements(folder, layout), key=lambda path: order.get(path, -1)))
