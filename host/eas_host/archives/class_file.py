"""
What a Java class file says of its class: its version, its superclass, its methods, and the classes that it refers to
(the JVM specification, chapter 4). Only the constant pool and the lists of members are read; code is not.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_SIZE: Final = 16 << 20
"""Bytes of a class file. javac makes at most 65,535 constants and as many bytes of code in each method."""
PUBLIC, STATIC, INTERFACE, ABSTRACT = 0x0001, 0x0008, 0x0200, 0x0400
"""Access flags."""

_JAVA_0: Final = 44
"""The major version in a class file is the Java version plus 44."""
_MAGIC: Final = 0xCAFEBABE
_UTF8, _CLASS, _STRING, _METHOD, _NAME_AND_TYPE = 1, 7, 8, 10, 12
_SIZES: Final = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
"""The bytes behind the tag of each kind of constant but text."""
_KEPT: Final = (_CLASS, _STRING, _METHOD, _NAME_AND_TYPE)
_TWO_PLACES: Final = (5, 6)
"""Long and Double take two places in the constant pool."""
_IN_DESCRIPTOR: Final = re.compile(r"L([^;<]+);")


class DamagedClass(ValueError):
    """
    The bytes are no class file, or a damaged one.
    """


class Method(NamedTuple):
    """
    One method: `Process`, `([B)[B`, its access flags, and its signature if that says more than the descriptor.
    """

    name: str
    descriptor: str
    access: int
    signature: str = ""


@dataclass(frozen=True)
class ClassFile:
    """
    One class.

    Attributes:
        name: such as `com/example/Echo$Part`.
        access: its access flags.
        superclass: `""` for java/lang/Object, and for a module.
        interfaces: those that it names itself.
        methods: those that it declares, constructors included.
        references: the other classes that its code and the types of its methods name.
        strings: the texts in its code.
        loads_library: whether it calls `System.loadLibrary`.
        java: the oldest Java that can load it.
    """

    name: str
    access: int
    superclass: str
    interfaces: tuple[str, ...]
    methods: tuple[Method, ...]
    references: frozenset[str]
    strings: tuple[str, ...]
    loads_library: bool
    java: int


def java_of(head: bytes) -> int | None:
    """
    Return the oldest Java that can load the class file that begins with the eight bytes *head*; None if it is none.
    """
    if len(head) < 8 or int.from_bytes(head[:4], "big") != _MAGIC:  # noqa: PLR2004  see the docstring
        return None
    return int.from_bytes(head[6:8], "big") - _JAVA_0


def read(data: bytes) -> ClassFile:
    """
    Read the class file *data*.

    Raises:
        DamagedClass: it is none.
    """
    try:
        return _read(data)
    except (struct.error, IndexError, KeyError) as error:
        raise DamagedClass("a damaged class file") from error


def _read(data: bytes) -> ClassFile:
    magic, _, major, count = struct.unpack_from(">IHHH", data)
    if magic != _MAGIC:
        raise DamagedClass("no class file")
    texts: dict[int, str] = {}
    numbers: dict[int, tuple[int, ...]] = {}
    at, number = 10, 1
    while number < count:
        tag = data[at]
        at += 1
        if tag == _UTF8:
            (length,) = struct.unpack_from(">H", data, at)
            texts[number] = data[at + 2 : at + 2 + length].decode("utf-8", "replace")
            at += 2 + length
        else:
            if tag in _KEPT:
                numbers[number] = (tag, *struct.unpack_from(f">{_SIZES[tag] // 2}H", data, at))
            at += _SIZES[tag]
        number += 2 if tag in _TWO_PLACES else 1
    access, this, above, interface_count = struct.unpack_from(">HHHH", data, at)
    interfaces = struct.unpack_from(f">{interface_count}H", data, at + 8)
    at = _skip_members(data, at + 8 + 2 * interface_count)
    methods = tuple(_methods(data, at, texts))
    names = {number: texts[index] for number, (tag, index, *_) in numbers.items() if tag == _CLASS}
    calls = {
        (names[owner], texts[numbers[member][1]])
        for tag, owner, *rest in numbers.values()
        if tag == _METHOD
        for member in rest
    }
    references = {one for name in names.values() for one in _classes_in(name)}
    for method in methods:
        references.update(_IN_DESCRIPTOR.findall(method.descriptor))
    name = names[this]
    return ClassFile(
        name,
        access,
        names[above] if above else "",
        tuple(names[one] for one in interfaces),
        methods,
        frozenset(references - {name}),
        tuple(texts[index] for tag, index, *_ in numbers.values() if tag == _STRING),
        ("java/lang/System", "loadLibrary") in calls,
        major - _JAVA_0,
    )


def _classes_in(constant: str) -> list[str]:
    """
    Return the class that the *constant* names; of an array `[[Lcom/example/Echo;` that of its elements.
    """
    return _IN_DESCRIPTOR.findall(constant) if constant.startswith("[") else [constant]


def _skip_members(data: bytes, at: int) -> int:
    """
    Return where the list of fields that begins at *at* ends.
    """
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    for _ in range(count):
        at = _skip_attributes(data, at + 6)
    return at


def _methods(data: bytes, at: int, texts: dict[int, str]) -> list[Method]:
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    found: list[Method] = []
    for _ in range(count):
        access, name, descriptor = struct.unpack_from(">HHH", data, at)
        signature = _signature(data, at + 6, texts)
        found.append(Method(texts[name], texts[descriptor], access, signature))
        at = _skip_attributes(data, at + 6)
    return found


def _signature(data: bytes, at: int, texts: dict[int, str]) -> str:
    """
    Return the signature among the attributes that begin at *at*.
    """
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    for _ in range(count):
        name, length = struct.unpack_from(">HI", data, at)
        if texts.get(name) == "Signature":
            return texts[int.from_bytes(data[at + 6 : at + 8], "big")]
        at += 6 + length
    return ""


def _skip_attributes(data: bytes, at: int) -> int:
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    for _ in range(count):
        (length,) = struct.unpack_from(">I", data, at + 2)
        at += 6 + length
    return at
