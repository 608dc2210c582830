"""
The methods that a worker calls: whether they are there, take the arguments that they get, and return what is expected.

Only where there are batches does a worker call `batch_process`, which EAS does not know: a method of that name may be
one of the program's own, so what is said of it is a warning.
"""

import ast
import difflib
from typing import Any, Iterator, Sequence

from eas_runtime.python.class_checks.finding import ERROR, WARNING, ClassFinding
from eas_runtime.python.class_checks.source import FUNCTIONS, UNKNOWN, constant, methods_of, own_nodes

DYNAMIC = frozenset(("__getattr__", "__getattribute__"))
"""With one of these, a class has attributes that are written nowhere."""

_ARGUMENTS = {"initialize": 0, "process": 1}
"""The methods that a worker calls, and with how many arguments."""
_BATCHES = "batch_process"
_WANTED = {
    "initialize": "def initialize(self)",
    "process": "def process(self, data)",
    _BATCHES: "def batch_process(self, batch)",
}
_GIVEN = {
    "initialize": "no argument",
    "process": "one argument, the request's body",
    _BATCHES: "one argument, a list of bodies",
}
_LIKE_BATCHES = 0.9
"""How similar a name in small letters is to batchprocess, or to processbatch, if it is meant to be batch_process: more
than that of preprocess_batch is."""
_EXITS = {
    "exit": "says nothing of the cause",
    "quit": "says nothing of the cause",
    "sys.exit": "says nothing of the cause",
    "os._exit": "ends the worker with all its requests",
}
_PAIR = "return (data, status), such as (b'ok', 200)"
_PAIRS = "return a list of (data, status), one for each body"


def check_methods(name: str, lineage: "Sequence[ast.ClassDef]", is_known: bool) -> "Iterator[ClassFinding]":
    """
    Check the methods of the class *name* that a worker calls.
    """
    methods = methods_of(lineage)
    for wanted, count in _ARGUMENTS.items():
        found = methods.get(wanted)
        if found is None and is_known and not DYNAMIC & methods.keys():
            near = difflib.get_close_matches(wanted, set(methods) - set(_ARGUMENTS), 1, 0.75)
            what = f"{name} has no method {wanted}"
            line = methods[near[0]].lineno if near else lineage[0].lineno
            advice = f"did you mean {wanted} for {near[0]}?" if near else f"add {_WANTED[wanted]}"
            yield ClassFinding(line, ERROR, what, advice)
        elif isinstance(found, FUNCTIONS):
            yield from check_function(found, count)
    batches = methods.get(_BATCHES)
    if isinstance(batches, FUNCTIONS):
        for finding in check_function(batches, 1):
            yield finding._replace(verdict=WARNING)
    elif batches is None:
        yield from _like_batches(lineage)


def _like_batches(lineage: "Sequence[ast.ClassDef]") -> "Iterator[ClassFinding]":
    """
    Find the method that is called nearly like batch_process, takes what that takes, and that nothing uses.
    """
    used = {node.attr for owner in lineage for node in ast.walk(owner) if isinstance(node, ast.Attribute)}
    for name, method in methods_of(lineage).items():
        letters = name.replace("_", "").lower()
        near = difflib.get_close_matches(letters, ("batchprocess", "processbatch"), 1, _LIKE_BATCHES)
        if near and name not in used and isinstance(method, FUNCTIONS) and not arity_problem(method, 2):
            what = f"a worker does not call {name}"
            yield ClassFinding(method.lineno, WARNING, what, f"did you mean {_BATCHES}, which gets several requests?")


def check_function(function: Any, count: int) -> "Iterator[ClassFinding]":  # noqa: ANN401  either kind of function
    """
    Check that *function* can be called with *count* arguments behind self, and what it returns.
    """
    advice = f"declare it {_WANTED[function.name]}"
    decorators = {getattr(one, "id", "?") for one in function.decorator_list}
    if decorators - {"staticmethod", "classmethod"}:
        return
    problem = arity_problem(function, count + ("staticmethod" not in decorators))
    if problem:
        what = f"{function.name} {problem}, but is called with {_GIVEN[function.name]}"
        yield ClassFinding(function.lineno, ERROR, what, advice)
    inner = list(own_nodes(function))
    if function.name == _BATCHES and isinstance(function, ast.AsyncFunctionDef):
        what = f"{function.name} is a coroutine function: a call of it returns a coroutine and runs nothing"
        yield ClassFinding(function.lineno, ERROR, what, advice + ", and use asyncio.run in it")
    elif function.name != "process" and _yields(inner):
        what = f"{function.name} is a generator: a call of it returns a generator and runs nothing"
        yield ClassFinding(function.lineno, ERROR, what, "return what it is to return, instead of yielding it")
    elif function.name == "process":
        yield from check_returns(function, inner)
    elif function.name == _BATCHES and _returns_nothing(inner):
        yield ClassFinding(function.lineno, ERROR, "batch_process returns nothing", _PAIRS)
    for node in inner:
        if isinstance(node, ast.Call) and _name_of(node.func) in _EXITS:
            what = f"{function.name} calls {_name_of(node.func)}, which {_EXITS[_name_of(node.func)]}"
            yield ClassFinding(node.lineno, WARNING, what, "raise an exception that says what is wrong")


def _yields(nodes: "Sequence[ast.AST]") -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes)


def _name_of(node: ast.expr) -> str:
    """
    Return a function's name as it is called: `exit`, or `sys.exit`.
    """
    owner = getattr(getattr(node, "value", None), "id", "")
    return f"{owner}.{node.attr}" if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def arity_problem(function: Any, count: int) -> str:  # noqa: ANN401  as above
    """
    Say why *function* cannot be called with *count* arguments, self included; `""` if it can.
    """
    arguments = function.args
    names = [one.arg for one in (*getattr(arguments, "posonlyargs", ()), *arguments.args)]
    needed = len(names) - len(arguments.defaults)
    listed = "takes ({})".format(", ".join(names + (["*" + arguments.vararg.arg] if arguments.vararg else [])))
    keywords = [one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None]
    if keywords:
        return f"needs the keyword {keywords[0]}"
    return "" if needed <= count and (arguments.vararg or count <= len(names)) else listed


def check_returns(function: Any, nodes: "Sequence[ast.AST]") -> "Iterator[ClassFinding]":  # noqa: ANN401  as above
    """
    Check what *function*, a `process`, returns, as far as it is written out.
    """
    if _yields(nodes):  # its answer is made in parts
        return
    if _returns_nothing(nodes):
        yield ClassFinding(function.lineno, ERROR, "process returns nothing", _PAIR)
        return
    for node in nodes:
        problem = return_problem(node.value) if isinstance(node, ast.Return) else ""
        if problem:
            yield ClassFinding(getattr(node, "lineno", 0), WARNING, problem, _PAIR)


def _returns_nothing(nodes: "Sequence[ast.AST]") -> bool:
    """
    Tell whether a function that consists of *nodes* neither returns a value nor raises.
    """
    ends = [node for node in nodes if isinstance(node, (ast.Return, ast.Raise))]
    return not any(isinstance(node, ast.Raise) or node.value is not None for node in ends)


def return_problem(value: "ast.expr | None") -> str:
    """
    Say what is wrong with returning *value*; `""` if nothing is known to be.
    """
    if isinstance(value, (ast.Tuple, ast.List)):
        if any(isinstance(one, ast.Starred) for one in value.elts):
            return ""
        if len(value.elts) != 2:  # noqa: PLR2004  data and status
            return f"process returns {len(value.elts)} values"
        first, second = map(constant, value.elts)
        if type(first) is int and type(second) is not int:
            return "process returns the status first"
        return "the status is text" if isinstance(second, (str, bytes)) else ""
    if value is None or constant(value) is None:  # the second is `return None`
        return "process returns None"
    if isinstance(value, (ast.JoinedStr, ast.Dict)):
        return "process returns only a {}".format("str" if isinstance(value, ast.JoinedStr) else "dict")
    known = constant(value)
    return "" if known is UNKNOWN else f"process returns only {type(known).__name__}"
