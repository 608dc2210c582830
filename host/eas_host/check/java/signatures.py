"""
The types in the signature of a method, which has what its descriptor leaves out: `CompletableFuture<byte[]>` where that
says CompletableFuture (the JVM specification, 4.7.9.1).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

PRIMITIVES: Final = {
    "B": "byte",
    "C": "char",
    "D": "double",
    "F": "float",
    "I": "int",
    "J": "long",
    "S": "short",
    "Z": "boolean",
    "V": "void",
}
_WILDCARDS: Final = {"*": "?", "+": "? extends ", "-": "? super "}
_NAME: Final = re.compile(r"[^.;\[/<>:]+(?:/[^.;\[/<>:]+)*")


class JavaType(NamedTuple):
    """
    One type.

    Attributes:
        text: as Java writes it, without packages: `CompletableFuture<byte[]>`.
        name: of a class, such as `java/util/Map$Entry`; else `""`.
        arguments: the types in its brackets.
    """

    text: str
    name: str = ""
    arguments: tuple[JavaType, ...] = ()


def simple_name(name: str) -> str:
    """
    Return the name of a class without its package and outer classes.
    """
    return re.split(r"[/$]", name)[-1]


def returned_type(signature: str) -> JavaType | None:
    """
    Return the type that a method with this *signature*, or descriptor, returns; None if it is damaged.
    """
    try:
        return _Reader(signature, signature.rindex(")") + 1).type()
    except (ValueError, IndexError, RecursionError):
        return None


class _Reader:
    """
    Reads *signature* from *at* on.
    """

    def __init__(self, signature: str, at: int) -> None:
        self._signature = signature
        self._at = at

    def type(self) -> JavaType:
        """
        Read one type.

        Raises:
            ValueError: there is none.
            IndexError: the signature ends before it does.
        """
        kind = self._next()
        if kind in PRIMITIVES:
            return JavaType(PRIMITIVES[kind])
        if kind == "[":
            inner = self.type()
            return JavaType(f"{inner.text}[]")
        if kind == "*":
            return JavaType("?")
        if kind in _WILDCARDS:
            inner = self.type()
            return JavaType(f"{_WILDCARDS[kind]}{inner.text}", inner.name)
        name = self._name()
        if kind == "T":
            self._next()
            return JavaType(name)
        if kind != "L":
            raise ValueError(kind)
        return self._class(name)

    def _class(self, name: str) -> JavaType:
        arguments: list[JavaType] = []
        while (mark := self._next()) != ";":
            if mark == ".":  # a class in one with brackets
                name = f"{name}${self._name()}"
                arguments = []
                continue
            while self._signature[self._at] != ">":
                arguments.append(self.type())
            self._at += 1
        brackets = f"<{', '.join(one.text for one in arguments)}>" if arguments else ""
        return JavaType(simple_name(name) + brackets, name, tuple(arguments))

    def _name(self) -> str:
        match = _NAME.match(self._signature, self._at)
        if match is None:
            raise ValueError(self._signature)
        self._at = match.end()
        return match[0]

    def _next(self) -> str:
        self._at += 1
        return self._signature[self._at - 1]
