"""
The declarations that Python's ctypes has of the native library are those of native/src/api.h and native/src/batching.h,
which cffi reads from the headers and the C compiler checks.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from eas_host import _native
from eas_runtime.ring import ctypes_library

POINTERS = (ctypes.c_void_p, ctypes.c_char_p)


def kind(declared: Any) -> tuple[str, int]:  # noqa: ANN401  a type
    """Whether a type of ctypes is a pointer or a number, and its size."""
    if declared is None:
        return "void", 0
    is_pointer = declared in POINTERS or issubclass(declared, ctypes._Pointer)
    return "pointer" if is_pointer else "primitive", ctypes.sizeof(declared)


def c_kind(declared: Any) -> tuple[str, int]:  # noqa: ANN401  a type
    """The same of a type of cffi."""
    return (declared.kind, 0) if declared.kind == "void" else (declared.kind, _native.ffi.sizeof(declared))


@pytest.mark.parametrize("name", sorted(ctypes_library.FUNCTIONS))
def test_function_has_the_types_of_the_header(name: str) -> None:
    declared = _native.ffi.typeof(getattr(_native.lib, name))
    result, arguments = ctypes_library.FUNCTIONS[name]
    assert kind(result) == c_kind(declared.result)
    assert list(map(kind, arguments)) == list(map(c_kind, declared.args))


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (ctypes_library.NativeCall, "eas_call"),
        (ctypes_library.NativeThread, "eas_thread"),
        (ctypes_library.NativeBatch, "eas_batch"),
    ],
)
def test_struct_has_the_layout_of_the_header(ours: type[ctypes.Structure], name: str) -> None:
    declared = _native.ffi.typeof(name)
    there = [(name, field.offset, _native.ffi.sizeof(field.type)) for name, field in declared.fields]
    names = [field[0] for field in ours._fields_]
    fields = [getattr(ours, name) for name in names]
    assert [(name, field.offset, field.size) for name, field in zip(names, fields, strict=True)] == there
    assert ctypes.sizeof(ours) == _native.ffi.sizeof(name)


def test_library_shows_only_its_own_interface() -> None:
    """A process may have another C++ library, whose symbols must not be mixed with those in this one."""
    with Path(ctypes_library.LIBRARY).open("rb") as file:
        section = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(section, SymbolTableSection)
        symbols = list(section.iter_symbols())
    shown = {symbol.name for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF" and symbol.name}
    assert set(ctypes_library.FUNCTIONS) <= shown
    assert [name for name in shown if not name.startswith("eas_")] == []
    undefined = [symbol for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF"]
    wanted = {symbol.name for symbol in undefined if symbol["st_info"]["bind"] == "STB_GLOBAL"}
    assert [name for name in wanted if name.startswith(("_Z", "__cxa_throw", "_Unwind_Raise"))] == []
