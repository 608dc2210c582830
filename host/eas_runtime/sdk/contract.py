"""
What EAS calls of a processor (docs/eas-compatibility.md, section 3.2), and where a class departs from it: a method that
is missing or misspelled, takes other arguments, or is a generator where none is expected. What only this host calls:
`batch_process`, coroutine functions, and a `process` that is a generator function.
"""

import difflib
import inspect
import os
import re
from types import CodeType, FunctionType
from typing import Any, Callable, Iterator, NamedTuple

from allspark.service import ServedProcessor
from eas_runtime.sdk.frames import is_users, last_frame, place_of_definition

_ARGUMENTS: "dict[str, tuple[object, ...]]" = {"initialize": (), "process": (b"",), "batch_process": ([b""],)}
_CALLS = {
    "initialize": "without arguments",
    "process": "with the body of a request",
    "batch_process": "with a list of bodies",
}
_EXPECTED = {
    "initialize": "write def initialize(self)",
    "process": "write def process(self, data)",
    "batch_process": "write def batch_process(self, batch)",
}
_BASE = "allspark.base"
_CALLED = re.compile(r"(?:[\w.<>]*\.)?(?P<name>\w+)\(\) (?:takes|missing|got)")
"""How the TypeError of a call begins whose arguments do not fit."""


class Problem(NamedTuple):
    """
    What is wrong with a method, and what to do; *place* is the `file:line` of its definition, or else of its class.
    """

    place: "str | None"
    text: str

    def described(self, program: str) -> str:
        """
        Describe it in one line. *program* is named if the place is not known.
        """
        return f"{self.place or program}: {self.text}"

    def in_brief(self) -> str:
        """
        Describe it for a client, whom the folders of this machine do not concern.
        """
        return f"{os.path.basename(self.place)}: {self.text}" if self.place else self.text


def find_problem(processor: ServedProcessor, name: str) -> "Problem | None":
    """
    Find what is wrong with the method *name* of *processor*; None if it can be called.
    """
    method: Any = getattr(processor, name, None)
    if method is None or getattr(method, "__module__", None) == _BASE:
        return _missing(type(processor), name)
    code = _code(method)
    if code is None:
        return None  # built in, or a callable object: only its call tells
    place = place_of_definition(code)
    if name != "process" and (inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method)):
        caller = "the host" if name == "batch_process" else "EAS"
        return Problem(
            place, f"{name} is a generator, since it has a yield; {caller} takes what it returns: use return"
        )
    if name == "batch_process" and inspect.iscoroutinefunction(method):
        text = (
            f"{name} is a coroutine function; the host calls it synchronously: remove async, or run the coroutine with"
            " asyncio.run"
        )
        return Problem(place, text)
    if _accepts(method, *_ARGUMENTS[name]):
        return None
    called = f"{type(processor).__name__}.{name}{_parameters(method)} is called {_CALLS[name]}"
    return Problem(place, f"{called}: {_EXPECTED[name]}")


def is_async(method: object) -> bool:
    """
    Tell whether a call of *method* makes a coroutine, or an async generator.
    """
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


def find_constructor_problem(cls: type) -> "Problem | None":
    """
    Find out whether *cls* cannot be constructed without arguments.
    """
    code = _code(cls.__init__)  # type: ignore[misc]  # of whatever class it is
    if code is None or _accepts(cls):
        return None
    text = (
        f"{cls.__name__}{_parameters(cls)} is constructed without arguments: give each a default, or end the file with"
        f" lines that construct a {cls.__name__} and run it"
    )
    return Problem(place_of_definition(code), text)


def find_callee(error: BaseException) -> "str | None":
    """
    If *error* is the TypeError of a call whose arguments do not fit, say where the called function is defined.
    """
    found = _CALLED.match(str(error)) if isinstance(error, TypeError) else None
    frame = last_frame(error)
    if not found or frame is None:
        return None
    name = found.group("name")
    owner: Any = frame.f_locals.get("self")
    function = getattr(type(owner), name, None) or frame.f_globals.get(name)
    if isinstance(function, type):
        function = function.__init__  # type: ignore[misc]  # of whatever class it is
    code = _code(function)
    if function is None or code is None or not is_users(code.co_filename):
        return None
    return f"{name}{_parameters(function)} is defined at {place_of_definition(code)}"


def _missing(cls: type, name: str) -> Problem:
    own = dict(_own_functions(cls))
    remedy = _EXPECTED[name]
    for close in difflib.get_close_matches(name, own.keys() - _EXPECTED.keys(), 1):
        remedy = f"did you mean {close} in line {own[close].co_firstlineno}? Otherwise {remedy}"
    return Problem(place_of_class(cls), f"class {cls.__name__} has no {name}: {remedy}")


def place_of_class(cls: type) -> "str | None":
    """
    Return the `file:line` where *cls* is defined, as far as that is known.
    """
    codes = [code for _, code in _own_functions(cls) if code.co_filename.endswith(".py")]
    if not codes:
        return None
    try:
        # Its functions know the file; the module of the class might name a copy of it.
        line = inspect.getsourcelines(cls)[1]
    except (OSError, TypeError, IndexError):
        line = min(code.co_firstlineno for code in codes)
    return f"{codes[0].co_filename}:{line}"


def _own_functions(cls: type) -> "Iterator[tuple[str, CodeType]]":
    """
    Yield the functions of *cls* and of the user's classes that it extends.
    """
    for one in cls.__mro__:
        if one.__module__ == _BASE or one is object:
            continue
        for name, value in vars(one).items():
            if isinstance(value, FunctionType):
                yield name, value.__code__


def _accepts(function: "Callable[..., object]", *arguments: object) -> bool:
    """
    Tell whether *function* can be called with *arguments*, as far as that is known. A decorator decides that, and not
    what it wraps.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except ValueError:  # it has none
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _parameters(function: "Callable[..., object]") -> str:
    """
    Return the parameters of *function* as in its definition, without types.
    """
    signature = inspect.signature(getattr(function, "__func__", function), follow_wrapped=False)
    untyped = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(inspect.Signature(untyped))


def _code(function: object) -> "CodeType | None":
    """
    Return the code of *function*, without the decorators that tell what they wrap.
    """
    if not callable(function):
        return None
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code if isinstance(code, CodeType) else None
