"""
From a place in the bytecode of a Java class to a line of its source: the attributes SourceFile and LineNumberTable of
its class file (the JVM specification, chapter 4).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MAX_CLASS: Final = 16 << 20
"""Bytes of a class file that is read."""
_UNKNOWN: Final = "Unknown Source"
"""What a Throwable prints if a class was compiled without these attributes."""
_UTF8: Final = 1
_SIZES: Final = {3: 4, 4: 4, 5: 8, 6: 8, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 17: 4, 18: 4}
_OTHER_SIZE: Final = 2
"""The bytes behind the tag of each other kind of constant."""
_TWO_PLACES: Final = (5, 6)
"""Long and Double take two places in the constant pool."""


class SourceLines:
    """
    The lines of the classes in *class_path*: jars and folders, by their paths.
    """

    def __init__(self, class_path: tuple[str, ...]) -> None:
        self._class_path = class_path
        self._known: dict[str, ClassLines | None] = {}

    def find(self, type_name: str, method: str, descriptor: str, bci: int | None) -> str:
        """
        Return file and line of byte *bci* in a method, as "Scorer.java:41"; without a line if that is not known.
        """
        if type_name not in self._known:
            data = self._read(f"{type_name.replace('.', '/')}.class")
            self._known[type_name] = None if data is None else read_lines(data)
        lines = self._known[type_name]
        if lines is None or not lines.file:
            return _UNKNOWN
        starts = lines.methods.get((method, descriptor), ())
        line = None if bci is None else max((start for start in starts if start[0] <= bci), default=None)
        return lines.file if line is None else f"{lines.file}:{line[1]}"

    def _read(self, name: str) -> bytes | None:
        for element in self._class_path:
            try:
                if Path(element).is_dir():
                    return (Path(element) / name).read_bytes()[:_MAX_CLASS]
                with zipfile.ZipFile(element) as jar, jar.open(name) as file:
                    return file.read(_MAX_CLASS)
            except (OSError, KeyError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
                continue  # it is not there, or not readable
        return None


class ClassLines(NamedTuple):
    """
    One class.

    Attributes:
        file: the name of its source; "" if unknown.
        methods: for each method, by name and descriptor, the bytes at which lines begin, and these lines.
    """

    file: str
    methods: dict[tuple[str, str], tuple[tuple[int, int], ...]]


def read_lines(data: bytes) -> ClassLines | None:
    """
    Read the class file *data*; None if it is none, or damaged.
    """
    try:
        return _Reader(data).read()
    except (struct.error, IndexError, KeyError):
        return None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 8  # behind the magic number and the version
        self._texts: dict[int, str] = {}

    def read(self) -> ClassLines:
        self._read_constants()
        self._at += 6  # access flags, this class, its superclass
        interfaces = self._number()
        self._at += 2 * interfaces
        for _ in range(self._number()):  # fields
            self._at += 6
            for _ in self._attributes():
                pass
        methods = {}
        for _ in range(self._number()):
            _, name, descriptor = self._numbers(3)
            lines: list[tuple[int, int]] = []
            for attribute in self._attributes():
                if attribute == "Code":
                    lines += self._lines_of_code()
            methods[self._texts[name], self._texts[descriptor]] = tuple(lines)
        file = ""
        for attribute in self._attributes():
            if attribute == "SourceFile":
                file = self._texts[self._number()]
        return ClassLines(file, methods)

    def _lines_of_code(self) -> Iterator[tuple[int, int]]:
        self._at += 4  # the most of the stack and of local variables
        (size,) = struct.unpack_from(">I", self._data, self._at)
        self._at += 4 + size
        handlers = self._number()
        self._at += 8 * handlers
        for attribute in self._attributes():
            if attribute == "LineNumberTable":
                for _ in range(self._number()):
                    start, line = self._numbers(2)
                    yield start, line

    def _attributes(self) -> Iterator[str]:
        """
        Yield the name of each attribute, and skip what the caller has not read of it.
        """
        for _ in range(self._number()):
            name, size = struct.unpack_from(">HI", self._data, self._at)
            end = self._at + 6 + size
            self._at += 6
            yield self._texts.get(name, "")
            self._at = end

    def _read_constants(self) -> None:
        count = self._number()
        index = 1
        while index < count:
            tag = self._data[self._at]
            self._at += 1
            if tag == _UTF8:
                size = self._number()
                self._texts[index] = self._data[self._at : self._at + size].decode("utf-8", "replace")
                self._at += size
            else:
                self._at += _SIZES.get(tag, _OTHER_SIZE)
            index += 2 if tag in _TWO_PLACES else 1

    def _number(self) -> int:
        return self._numbers(1)[0]

    def _numbers(self, count: int) -> tuple[int, ...]:
        found = struct.unpack_from(f">{count}H", self._data, self._at)
        self._at += 2 * count
        return found
