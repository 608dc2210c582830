"""
Which methods of a processor cannot be called as EAS calls them, and which can although they look unusual.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import allspark
from eas_runtime.sdk.contract import find_constructor_problem, find_problem


def passes_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that adds an argument."""

    @functools.wraps(function)
    def wrapper(self: object, *given: object) -> object:
        return function(self, *given, "model")

    return wrapper


class Decorated(allspark.BaseProcessor):
    @passes_model
    def process(self, data: bytes, model: str) -> tuple[bytes, int]:
        return data + model.encode(), 200


class Static(allspark.BaseProcessor):
    @staticmethod
    def process(data: bytes) -> tuple[bytes, int]:
        return data, 200


class OfClass(allspark.BaseProcessor):
    @classmethod
    def process(cls, data: bytes) -> tuple[bytes, int]:
        return data, 200


class Defaults(allspark.BaseProcessor):
    def process(self, data: bytes, encoding: str = "utf-8", *more: object, **named: object) -> tuple[bytes, int]:
        return data, 200


class Inherits(Defaults):
    """Has the method of another class."""


class Partial(allspark.BaseProcessor):
    process = functools.partial(lambda model, data: (data + model, 200), b"model")


class Callee:
    def __call__(self, data: bytes) -> tuple[bytes, int]:
        return data, 200


class Object(allspark.BaseProcessor):
    process = Callee()


class BuiltIn(allspark.BaseProcessor):
    process = divmod  # type: ignore[assignment]


class Coroutine(allspark.BaseProcessor):
    async def process(self, data: bytes) -> tuple[bytes, int]:
        return data, 200


class Generator(allspark.BaseProcessor):
    def process(self, data: bytes) -> Iterator[bytes]:
        yield data


FINE = [Decorated, Static, OfClass, Defaults, Inherits, Partial, Object, BuiltIn, Coroutine, Generator]


@pytest.mark.parametrize("cls", FINE)
def test_unusual_methods_are_no_problem(cls: type[allspark.BaseProcessor]) -> None:
    """At most their call can tell."""
    assert find_problem(cls.__new__(cls), "process") is None


class NoData(allspark.BaseProcessor):
    def process(self) -> tuple[bytes, int]:  # type: ignore[override]
        return b"", 200


class Misspelled(allspark.BaseProcessor):
    def proces(self, data: bytes) -> tuple[bytes, int]:
        return data, 200


class Nothing(allspark.BaseProcessor):
    pass


WRONG = {
    NoData: r"NoData.process(self) is called with the body of a request: write def process(self, data)",
    Misspelled: "class Misspelled has no process: did you mean proces in line ",
    Nothing: "class Nothing has no process: write def process(self, data)",
}


@pytest.mark.parametrize("cls", WRONG)
def test_problem_says_what_to_do(cls: type[allspark.BaseProcessor]) -> None:
    """With the place, as far as one of the class's functions tells the file."""
    problem = find_problem(cls.__new__(cls), "process")
    assert problem is not None
    assert problem.text.startswith(WRONG[cls])
    assert (problem.place or "").startswith("" if cls is Nothing else f"{__file__}:")


def test_constructor_with_defaults_is_no_problem() -> None:
    """A processor may be constructed without any argument."""

    class Fine(allspark.BaseProcessor):
        def __init__(self, path: str = "model") -> None:
            super().__init__()

    class Needs(allspark.BaseProcessor):
        def __init__(self, path: str) -> None:
            super().__init__()

    assert find_constructor_problem(Fine) is None
    problem = find_constructor_problem(Needs)
    assert problem is not None
    assert problem.text.startswith("Needs(path) is constructed without arguments")
