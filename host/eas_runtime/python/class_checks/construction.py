"""
How a processor's class is constructed: by the program itself, or by a worker, without arguments.
"""

import ast
from typing import Any, Iterator, Sequence

from eas_runtime.python.class_checks.calls import arity_problem
from eas_runtime.python.class_checks.finding import ERROR, ClassFinding
from eas_runtime.python.class_checks.source import FUNCTIONS, ProgramSource, methods_of

_POSITIONAL = ("worker_threads", "worker_processes", "endpoint")
_KEYWORDS = (*_POSITIONAL, "io_threads")
"""The arguments of allspark's base class."""


def check_construction(source: ProgramSource, name: str, lineage: "Sequence[ast.ClassDef]") -> "Iterator[ClassFinding]":
    """
    Check that the calls of the class *name* fit its constructor; without any, a worker calls it without arguments.
    """
    init = methods_of(lineage).get("__init__")
    calls = source.calls(name)
    if init is not None and (not isinstance(init, FUNCTIONS) or init.decorator_list):
        return
    if init is not None and not calls:
        problem = arity_problem(init, 1)
        if problem:
            what = f"{name}.__init__ {problem}, but a worker calls {name}()"
            advice = "give the arguments defaults, or construct and run it in the program itself"
            yield ClassFinding(init.lineno, ERROR, what, advice)
    for call in calls:
        keywords = [one.arg for one in call.keywords if one.arg is not None]
        if len(keywords) < len(call.keywords) or any(isinstance(one, ast.Starred) for one in call.args):
            continue
        problems = _own_problems(init, len(call.args), keywords) if init is not None else _problems(call, keywords)
        for problem in problems:
            line = init.lineno if init is not None else 0
            advice = f"see __init__ in line {line}" if line else "see allspark.BaseProcessor"
            yield ClassFinding(call.lineno, ERROR, f"{name}() {problem}", advice)


def _own_problems(init: Any, count: int, keywords: "list[str]") -> "Iterator[str]":  # noqa: ANN401  either kind of function
    """
    Say what is wrong with calling *init*, a constructor, with *count* arguments and *keywords*.
    """
    names = [one.arg for one in (*getattr(init.args, "posonlyargs", ()), *init.args.args)][1:]
    needed = names[: max(0, len(names) - len(init.args.defaults))][count:]
    missing = [one for one in needed if one not in keywords]
    known = {*names, *(one.arg for one in init.args.kwonlyargs)}
    unknown = [one for one in keywords if one not in known and not init.args.kwarg]
    if missing:
        yield "lacks the argument {}".format(", ".join(missing))
    if count > len(names) and not init.args.vararg:
        yield f"gets {count} arguments and takes {len(names)}"
    if unknown:
        yield "has no argument {}".format(", ".join(unknown))


def _problems(call: ast.Call, keywords: "list[str]") -> "Iterator[str]":
    """
    Say what is wrong with *call*, that of a class with the constructor of allspark's.
    """
    unknown = [one for one in keywords if one not in _KEYWORDS]
    if len(call.args) > len(_POSITIONAL):
        yield f"gets {len(call.args)} arguments and takes {len(_POSITIONAL)}"
    if unknown:
        yield "has no argument {}".format(", ".join(unknown))
