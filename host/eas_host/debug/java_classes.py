"""
Which classes of a jar may be the processor, and where their sources lie: what jdb is told before a class is loaded.

A class file has the name and the descriptor of each method that it defines as constants (JVM specification, 4.4.7), so
a search of the bytes is enough to find classes. A breakpoint in a class that is never loaded does no harm.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from eas_host.archives import class_file
from eas_host.archives.class_file import DamagedClass
from eas_host.check.java.members import parameter_types
from eas_host.worker.java import classpath
from eas_runtime.worker_spec import WorkerSpec


def _constant(text: str) -> bytes:
    return b"\1" + len(text).to_bytes(2, "big") + text.encode()


_CONSTRUCTOR: Final = _constant("(Ljava/lang/String;Ljava/lang/String;)V")
_PROCESS: Final = _constant("Process")
_SUFFIX: Final = ".class"
_SOURCE_FOLDERS: Final = ("", "src/main/java", "src", "java")
_ANCESTORS: Final = 4
"""How many folders above a jar are looked at: target/ of Maven and build/libs/ of Gradle lie below the project."""


def find_processors(spec: WorkerSpec) -> list[str]:
    """
    Find the classes that may be the processor of *spec*: the named one, or those that look like one.

    Raises:
        LoadError: the class path is wrong.
    """
    path = classpath.resolve(spec)
    if spec.mainclass:
        return [spec.mainclass]
    inherits: list[str] = []
    defines: list[str] = []
    for name, content in _classes(path.own):
        if _CONSTRUCTOR in content:
            (defines if _PROCESS in content else inherits).append(name)
    return sorted(defines or inherits)


def find_places(spec: WorkerSpec, classes: Sequence[str], method: str) -> list[str]:
    """
    Find where jdb is to stop: in each form of *method* that one of *classes* has. jdb wants to know which, where there
    are several (`Echo.Process(byte[])` and `Echo.Process(byte[][])`).

    Raises:
        LoadError: the class path is wrong.
    """
    forms: dict[str, list[str]] = {name: [] for name in classes}
    for name, content in _classes(classpath.resolve(spec).own):
        if name in forms and not forms[name]:
            try:
                found = class_file.read(content)
            except DamagedClass:
                continue  # the JVM will say so
            forms[name] = [", ".join(parameter_types(one.descriptor)) for one in found.methods if one.name == method]
    return [
        place
        for name in classes
        for place in (
            [f"{name}.{method}({form})" for form in dict.fromkeys(forms[name])]
            if len(forms[name]) > 1
            else [f"{name}.{method}"]
        )
    ]


def find_sources(spec: WorkerSpec, classes: Sequence[str]) -> list[Path]:
    """
    Find the folders, near the entry, that have the sources of *classes*.
    """
    entry = Path(spec.original(spec.entry))
    files = [Path(*name.split("$")[0].split(".")).with_suffix(".java") for name in classes]
    above = [entry, *entry.parents][: _ANCESTORS + 1]
    folders = [folder / inner for folder in above for inner in _SOURCE_FOLDERS]
    return [folder for folder in dict.fromkeys(folders) if any((folder / file).is_file() for file in files)]


def _classes(elements: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for element in map(Path, elements):
        if element.is_dir():
            for file in element.rglob(f"*{_SUFFIX}"):
                yield ".".join(file.relative_to(element).with_suffix("").parts), file.read_bytes()
        elif zipfile.is_zipfile(element):
            with zipfile.ZipFile(element) as jar:
                for member in jar.namelist():
                    if member.endswith(_SUFFIX):
                        yield member.removesuffix(_SUFFIX).replace("/", "."), jar.read(member)
