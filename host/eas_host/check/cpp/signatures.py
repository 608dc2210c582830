"""
Compares the signatures of a processor's functions with those that EAS calls (docs/eas-compatibility.md, section 1.1),
if the library has debug information.

C names have no types, so nothing else notices that `process` expects a `std::string`, or a `size_t *` in the place of
an `int *`: the call goes through, and crashes. Types are compared by what a call does with them: a pointer to what, or
a number of how many bytes. Pointers to a single byte and to nothing in particular are one kind.

Debug information may be larger than the code by far, so it is read within limits of size and time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eas_host.check.finding import ERROR, OK, WARNING, Finding

if TYPE_CHECKING:
    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.die import DIE
    from elftools.dwarf.dwarfinfo import DWARFInfo

_MAX_BYTES: Final = 64 << 20
_MAX_SECONDS: Final = 3.0
_MAX_STEPS: Final = 20
"""Of typedefs and qualifiers, one around the other; damaged information may go in circles."""


class _Type(NamedTuple):
    """
    What matters of a type: *kind* is `pointer`, `number`, `void` or `other`; *size* in bytes; *target* of a pointer.
    """

    kind: str
    size: int
    name: str
    target: _Type | None = None


class _Signature(NamedTuple):
    returns: str
    parameters: tuple[str, ...]


_EXPECTED: Final = {
    "initialize": _Signature("data*", ("data*", "data*", "int*")),
    "process": _Signature("int", ("data*", "data*", "int", "data**", "int*")),
    "async_process": _Signature("void", ("data*", "data*", "int", "int64_t", "DoneCallback")),
    "eas_async_cancel": _Signature("void", ("data*", "int64_t")),
}
_DECLARATIONS: Final = {
    "initialize": "void *initialize(const char *model_entry, const char *model_config, int *state)",
    "process": (
        "int process(void *model_buf, const void *input_data, int input_size, void **output_data, int *output_size)"
    ),
    "async_process": (
        "void async_process(void *model_buf, const void *input_data, int input_size, int64_t request_id,"
        " DoneCallback done)"
    ),
    "eas_async_cancel": "void eas_async_cancel(void *model_buf, int64_t request_id)",
}

_NUMBERS: Final = {"int": 4, "int64_t": 8}
"""The bytes of each."""


class _OutOfTimeError(Exception):
    pass


def check_signatures(path: Path, name: str, exports: Collection[str]) -> Iterator[Finding]:
    """
    Compare the signatures of those of EAS's functions that the library *path*, which findings call *name*, *exports*,
    if its debug information has them.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415  the other checks do not need it

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            section = elf.get_section_by_name(".debug_info")
            if section is None or section.data_size == 0:
                yield Finding(OK, name, "no debug information, so signatures are not compared", "compile with -g")
                return
            if section.data_size > _MAX_BYTES:
                yield Finding(OK, name, "too much debug information, so signatures are not compared")
                return
            found = _find_functions(elf.get_dwarf_info(), _EXPECTED.keys() & set(exports))
            findings = [one for function, die in found.items() for one in _compare(function, die, name)]
    except _OutOfTimeError:
        yield Finding(OK, name, f"no signatures within {_MAX_SECONDS:g} s of reading debug information")
        return
    except Exception as error:  # noqa: BLE001  damaged information makes pyelftools raise errors of any kind
        yield Finding(WARNING, name, f"damaged debug information ({type(error).__name__})", "build it again")
        return
    yield from findings
    if found and not findings:
        *others, last = [function for function in _EXPECTED if function in found]
        names = f"{', '.join(others)} and {last}" if others else last
        yield Finding(OK, name, f"the signature of {names} is EAS's")


def _find_functions(info: DWARFInfo, wanted: Collection[str]) -> dict[str, DIE]:
    """
    Find the definitions of the *wanted* functions. C++ functions of these names have a `DW_AT_linkage_name`.
    """
    end = time.monotonic() + _MAX_SECONDS
    found: dict[str, DIE] = {}
    for unit in info.iter_CUs():
        for die in _children(unit, end):
            if die.tag != "DW_TAG_subprogram" or "DW_AT_name" not in die.attributes:
                continue
            name = die.attributes["DW_AT_name"].value.decode("utf-8", "replace")
            attributes = die.attributes
            is_c = "DW_AT_external" in attributes and "DW_AT_linkage_name" not in attributes
            if name in wanted and is_c and ("DW_AT_declaration" not in attributes or name not in found):
                found[name] = die
        if found.keys() == wanted:
            break
    return found


def _children(unit: CompileUnit, end: float) -> Iterator[DIE]:
    for die in unit.get_top_DIE().iter_children():
        if time.monotonic() > end:
            raise _OutOfTimeError
        yield die


def _compare(function: str, die: DIE, name: str) -> Iterator[Finding]:
    expected = _EXPECTED[function]
    children = list(die.iter_children())
    found = [_type_of(child) for child in children if child.tag == "DW_TAG_formal_parameter"]
    is_bare_c = not found and "DW_AT_prototyped" not in die.attributes and function not in _DECLARATIONS
    if len(found) != len(expected.parameters) and not is_bare_c:
        what = f"{function} has {len(found)} parameter{'s' if len(found) != 1 else ''}, not {len(expected.parameters)}"
        yield Finding(ERROR, name, what, f"declare it {_DECLARATIONS[function]}")
        return
    for number, (wanted, type_) in enumerate(zip(expected.parameters, found, strict=True), 1):
        if not _fits(wanted, type_):
            what = f"parameter {number} of {function} is {type_.name}, not {_spelled(wanted)}"
            yield Finding(ERROR, name, what, f"declare it {_DECLARATIONS[function]}")
    returned = _type_of(die)
    if not _fits(expected.returns, returned):
        what = f"{function} returns {returned.name}, not {_spelled(expected.returns)}"
        harmless = function == "initialize" and returned.kind == "void"
        yield Finding(WARNING if harmless else ERROR, name, what, f"declare it {_DECLARATIONS[function]}")


def _spelled(expected: str) -> str:
    return {"data*": "a pointer to data", "data**": "void **", "int*": "int *"}.get(expected, expected)


def _fits(expected: str, found: _Type) -> bool:
    """
    Tell whether a caller that passes what is *expected* may call a function that takes *found*.
    """
    if expected in _NUMBERS:
        return found.kind == "number" and found.size == _NUMBERS[expected]
    if expected == "void":  # what it returns is not looked at
        return found.kind in ("void", "number", "pointer")
    if found.kind != "pointer" or found.target is None:
        return False
    if expected == "int*":
        return _fits("int", found.target)
    if expected == "data**":
        return found.target.kind in ("pointer", "void")
    return True


def _type_of(die: DIE) -> _Type:
    """
    Return the type of a parameter, a function's result, a pointer's target or a typedef: that of its `DW_AT_type`.
    """
    name = ""
    qualifiers = ""
    current = die
    for _ in range(_MAX_STEPS):
        if "DW_AT_type" not in current.attributes:
            return _Type("void", 0, qualifiers + (name or "void"))
        current = current.get_DIE_from_attribute("DW_AT_type")
        attributes: Any = current.attributes
        if current.tag in ("DW_TAG_typedef", "DW_TAG_base_type", "DW_TAG_enumeration_type"):
            name = name or _name_of(current)
        if current.tag in ("DW_TAG_const_type", "DW_TAG_volatile_type"):
            qualifiers = qualifiers or ("const " if current.tag == "DW_TAG_const_type" else "volatile ")
        if current.tag in ("DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"):
            sign = "*" if current.tag == "DW_TAG_pointer_type" else "&"
            target = _type_of(current)
            return _Type("pointer", 8, name or f"{target.name} {sign}".replace("* *", "**"), target)
        if current.tag in ("DW_TAG_base_type", "DW_TAG_enumeration_type"):
            size = attributes["DW_AT_byte_size"].value if "DW_AT_byte_size" in attributes else 0
            is_float = "DW_AT_encoding" in attributes and attributes["DW_AT_encoding"].value in (3, 4)
            return _Type("other" if is_float else "number", size, qualifiers + name)
        if str(current.tag).endswith(("_class_type", "structure_type", "_union_type")):
            return _Type("other", 0, qualifiers + (name or _name_of(current)))
    return _Type("other", 0, name or "a type of another kind")


def _name_of(die: DIE) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode("utf-8", "replace") if attribute is not None else "a type without a name"
