"""
The classes of a class path, found without a JVM: in which jar or folder each one is, and its class file.

The first element of the path that has a class counts, as in a JVM. Jars that are damaged are noted, not refused: a JVM
ignores them, too. A jar's directory is held as `zipfile` reads it, so one of absurd size is refused first.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from eas_host.archives import class_file, jar_layouts, zip_directory
from eas_host.archives.class_file import ClassFile, DamagedClass

_SUFFIX: Final = ".class"
_MAX_DIRECTORY: Final = 64 << 20
_MAX_FILES: Final = 200_000
_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)
"""What reading a damaged or an encrypted jar raises."""


@contextlib.contextmanager
def open_classes(elements: Iterable[Path]) -> Iterator[ClassIndex]:
    """
    Open the jars and folders *elements*.
    """
    with contextlib.ExitStack() as jars:
        yield ClassIndex(elements, jars)


class ClassIndex:
    """
    The classes of *elements*, jars and folders. The jars are opened as part of *jars*.

    Attributes:
        damaged: why an element is no jar, by its path.
    """

    def __init__(self, elements: Iterable[Path], jars: contextlib.ExitStack) -> None:
        self.damaged: dict[Path, str] = {}
        self._open = jars
        self._jars: dict[Path, zipfile.ZipFile] = {}
        self._places: dict[str, Path] = {}
        for element in elements:
            for name in self._names_in(element):
                self._places.setdefault(name, element)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def names(self, elements: Iterable[Path] | None = None) -> Iterator[str]:
        """
        Yield the names of the classes, or of those in *elements* only.
        """
        wanted = None if elements is None else set(elements)
        return (name for name, place in self._places.items() if wanted is None or place in wanted)

    def data(self, name: str) -> bytes:
        """
        Read the class file of *name*.

        Raises:
            DamagedClass: it cannot be read.
        """
        place = self._places[name]
        try:
            with (
                self._jars[place].open(name + _SUFFIX)
                if place in self._jars
                else (place / f"{name}{_SUFFIX}").open("rb") as file
            ):
                data = file.read(class_file.MAX_SIZE + 1)
        except _ERRORS as error:
            raise DamagedClass(f"it cannot be unpacked: {error}") from error
        if len(data) > class_file.MAX_SIZE:
            raise DamagedClass("it is too large for a class file")
        return data

    def get(self, name: str) -> ClassFile | None:
        """
        Read the class *name*; None if the class path has none, or a damaged one.
        """
        if name not in self._places:
            return None
        try:
            return class_file.read(self.data(name))
        except DamagedClass:
            return None

    def _names_in(self, element: Path) -> Iterator[str]:
        if element.is_dir():
            files = _files_below(element)
        else:
            try:
                _check_directory(element)
                self._jars[element] = self._open.enter_context(zipfile.ZipFile(element))
                files = iter(self._jars[element].namelist())
            except _ERRORS as error:
                self.damaged[element] = str(error) or type(error).__name__
                return
        yield from (name.removesuffix(_SUFFIX) for name in files if is_class(name))


def is_class(name: str) -> bool:
    """
    Tell whether the file *name* of a jar is a class of the program: META-INF has versions for later Javas, and what is
    in a jar's inner folders is unpacked.
    """
    inner = name.startswith(("META-INF/", *(f"{folder}/" for folder in jar_layouts.FOLDERS)))
    return name.endswith(_SUFFIX) and not name.endswith("-info.class") and not inner


def _check_directory(jar: Path) -> None:
    with jar.open("rb") as file:
        begin, end = zip_directory.find(file)
    if end - begin > _MAX_DIRECTORY:
        raise ValueError("it lists too many files")


def _files_below(folder: Path) -> Iterator[str]:
    count = 0
    for current, _, files in os.walk(folder):
        for file in files:
            count += 1
            if count > _MAX_FILES:
                return
            yield os.path.relpath(os.path.join(current, file), folder)  # noqa: PTH118  many files
