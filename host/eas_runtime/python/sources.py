"""
The user's source files, where a worker runs copies of them: code names the original, the file that the user edits.

So traces show that file, and a debugger stops at the breakpoints that were set in it. Only code does: `__file__` of a
module stays the copy's path, since the copy lies as the file does in EAS's workspace, and programs look for their data
from there (docs/eas-compatibility.md, section 8.1).

A hook on the import path finds the modules below a copy. Python's own compiled files serve there as everywhere; code
that comes from one gets the name of the file that it was looked up for, and is then renamed. `linecache` is given the
lines of the copy, for the original may have been edited since, or be hidden from this process by a sandbox.
"""

import _imp
import io
import linecache
import os
import re
import sys
import tokenize
from functools import partial
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import spec_from_file_location
from types import CodeType
from typing import Any

from eas_runtime.errors import EntryInvalid
from eas_runtime.worker_spec import WorkerSpec

_DECLARATION = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")
_BLANK = re.compile(rb"[ \t\f]*(?:#.*)?$")
"""How a file declares its encoding, in its first line or, if that is blank or a comment, in its second (PEP 263)."""


def install(spec: WorkerSpec) -> None:
    """
    Let the code of all modules below the copies of *spec* name the originals, from now on.
    """
    if not spec.copies:
        return

    def finder(folder: str) -> FileFinder:
        if spec.original(folder) == folder:
            raise ImportError(f"{folder} is no copy", path=folder)
        return FileFinder(
            folder,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (partial(_CopyLoader, spec), SOURCE_SUFFIXES),  # type: ignore[arg-type]  # it is called as a class is
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, finder)
    for folder in list(sys.path_importer_cache):
        if spec.original(folder) != folder:
            del sys.path_importer_cache[folder]


def module_spec(spec: WorkerSpec, name: str) -> ModuleSpec:
    """
    Return how the entry of *spec* is imported as the module *name*.
    """
    found = spec_from_file_location(name, spec.entry, loader=_CopyLoader(spec, name, spec.entry))
    assert found is not None  # noqa: S101  with a loader there is always one
    return found


def compile_entry(spec: WorkerSpec) -> CodeType:
    """
    Compile the entry of *spec*.
    """
    loader = _CopyLoader(spec, "__main__", spec.entry)
    code = loader.source_to_code(loader.get_data(spec.entry), spec.entry)
    loader.remember_lines()
    return code


def check_encoding(spec: WorkerSpec) -> None:
    """
    Check what Python checks of a file that it runs, but not of one that it imports: the entry of *spec* is UTF-8, or
    says what else it is.

    Raises:
        EntryInvalid: it is not.
    """
    with open(spec.entry, "rb") as file:
        source = file.read()
    lines = source.split(b"\n", 2)
    if _DECLARATION.match(lines[0]):
        return
    if len(lines) > 1 and _BLANK.match(lines[0].rstrip(b"\r")) and _DECLARATION.match(lines[1]):
        return
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        byte = source[error.start]
        raise EntryInvalid(
            f"{spec.original(spec.entry)}:{line}: byte 0x{byte:02x} is not UTF-8 ({chr(byte)!r} in Latin-1), and Python"
            " runs such a file only if that declares its encoding: save it as UTF-8, or make its first line"
            " `# -*- coding: latin-1 -*-`"
        ) from None


class _CopyLoader(SourceFileLoader):
    """
    Loads a module below a copy of *spec*.
    """

    def __init__(self, spec: WorkerSpec, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._original = spec.original(path)

    def get_code(self, fullname: str) -> "CodeType | None":
        """
        Return the code of the module, which names its original.
        """
        code = super().get_code(fullname)
        if code is not None:
            _imp._fix_co_filename(code, self._original)  # type: ignore[attr-defined]  # noqa: SLF001  as importlib does
        self.remember_lines()
        return code

    def source_to_code(self, data: Any, path: Any, *args: Any, **options: Any) -> CodeType:  # type: ignore[override]  # noqa: ANN401
        """
        Compile *data*. If it cannot be compiled, the error names the original.
        """
        return super().source_to_code(data, self._original, *args, **options)

    def remember_lines(self) -> None:
        """
        Have `linecache` show the copy as the original, whatever that has by now.
        """
        if self._is_original():
            return
        source = self.get_data(self.path)
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
            lines = io.TextIOWrapper(io.BytesIO(source), encoding, errors="replace").readlines()
        except (SyntaxError, LookupError):
            return  # Python does not run it either
        linecache.cache[self._original] = (len(source), None, lines, self._original)

    def _is_original(self) -> bool:
        """
        Tell whether there is no copy, as in a folder that is linked as a whole.
        """
        try:
            return os.path.samefile(self.path, self._original)
        except OSError:
            return False
