"""
Runs a user's Python file as `python app.py` does, and explains in one line what is wrong with it.

As in EAS the file is the process's `__main__`, so that its last lines construct its processor and run it. If `--entry`
names a class (`app.py:Class`), the file is imported under its stem instead, and those lines do not run.
"""

import builtins
import importlib.util
import inspect
import os
import re
import sys
from types import ModuleType
from typing import Any

import allspark
from eas_runtime.errors import EntryInvalid, EntryNotFound, InitializeFailed, LoadError
from eas_runtime.python import sources
from eas_runtime.sdk.contract import find_constructor_problem, place_of_class
from eas_runtime.sdk.explanations import advice
from eas_runtime.sdk.user_errors import describe_error, place_of, user_trace
from eas_runtime.worker_spec import WorkerSpec


def prepare(spec: WorkerSpec) -> None:
    """
    Set `sys.argv` and `sys.path` as `python ENTRY ARGUMENTS` does.

    Raises:
        EntryNotFound: there is no such file.
        EntryInvalid: Python would not run it.
    """
    entry = spec.entry
    if not os.path.isfile(entry):
        reason = "is a folder; name the .py file in it" if os.path.isdir(entry) else "No such file or directory"
        raise EntryNotFound(f"{spec.original(entry)}: {reason}; check --entry")
    sources.check_encoding(spec)
    sources.install(spec)
    sys.argv = [entry, *spec.arguments]  # not the host's own arguments
    sys.path.insert(0, os.path.dirname(entry))


def run_as_main(spec: WorkerSpec) -> ModuleType:
    """
    Run the file as `__main__`. Its exceptions are passed on unchanged.
    """
    module = ModuleType("__main__")
    vars(module).update(__file__=spec.entry, __builtins__=builtins, __spec__=None)
    sys.modules["__main__"] = module
    exec(sources.compile_entry(spec), vars(module))  # noqa: S102  that is what a host is for
    return module


def import_under_stem(spec: WorkerSpec) -> ModuleType:
    """
    Import the file under its stem. Its exceptions are passed on unchanged.
    """
    stem = os.path.splitext(os.path.basename(spec.entry))[0]
    found = sources.module_spec(spec, stem)
    module = importlib.util.module_from_spec(found)
    sys.modules[stem] = module
    exec(sources.compile_entry(spec), vars(module))  # noqa: S102  as above
    return module


def explain(entry: str, error: BaseException, folder: str) -> LoadError:
    """
    Turn the *error* that running the file has raised into one that says what is wrong. *folder* was the working
    directory then.
    """
    if isinstance(error, LoadError):
        return error
    trace = user_trace(error)
    place = place_of(error) or entry
    if isinstance(error, ModuleNotFoundError):
        hint = f"no module named {error.name!r}; install it into {sys.prefix} or put it beside the file"
        if is_required(entry, error.name or ""):
            hint += "; its requirements.txt is for a service.json or a package: here, pip install -r requirements.txt"
        return InitializeFailed(f"{place}: {hint}", trace)
    if isinstance(error, SyntaxError):
        where = f"{error.filename or entry}:{error.lineno}"
        return EntryInvalid(f"{where}: {type(error).__name__}: {error.msg}", trace)
    return InitializeFailed(f"{place}: raised {describe_error(error)}{advice(error, folder)}", trace)


def is_required(entry: str, module: str) -> bool:
    """
    Tell whether a requirements.txt beside *entry* names a package that is called like *module*.
    """
    try:
        with open(os.path.join(os.path.dirname(entry), "requirements.txt"), encoding="utf-8", errors="replace") as file:
            lines = file.read().replace("-", "_").lower().splitlines()
    except OSError:
        return False
    wanted = module.partition(".")[0].lower()
    return any(re.split(r"\W", line.strip(), maxsplit=1)[0] == wanted for line in lines)


def find_class(module: ModuleType, entry: str, name: "str | None") -> "type[allspark.BaseProcessor]":
    """
    Find the processor's class: the one called *name*, or the file's only one.

    Classes that another class of the file extends do not count. Classes that the file imports count only if it defines
    none itself.
    """
    classes = {
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, allspark.BaseProcessor) and value is not allspark.BaseProcessor
    }
    listed = ", ".join(sorted(cls.__name__ for cls in classes)) or "none"
    if name is not None:
        found: Any = getattr(module, name, None)
        if found is None:
            raise EntryNotFound(
                f"{entry}: there is no class {name}; subclasses of allspark.BaseProcessor here: {listed}"
            )
        if found not in classes:
            raise EntryInvalid(f"{entry}: {name} is no subclass of allspark.BaseProcessor; those here: {listed}")
        return found  # type: ignore[no-any-return]  # it is in `classes`
    own = {cls for cls in classes if cls.__module__ == module.__name__} or classes
    leaves = [cls for cls in own if not any(other is not cls and issubclass(other, cls) for other in own)]
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        raise EntryInvalid(
            f"{entry}: there is no subclass of allspark.BaseProcessor in it; write one, with initialize and process"
        )
    names = ", ".join(sorted(cls.__name__ for cls in leaves))
    raise EntryInvalid(
        f"{entry}: several subclasses of allspark.BaseProcessor: {names}; choose one with --entry {entry}:NAME"
    )


def construct(cls: "type[allspark.BaseProcessor]", entry: str) -> allspark.BaseProcessor:
    """
    Construct a processor of *cls*.

    Raises:
        InitializeFailed: its constructor raised.
    """
    try:
        return cls()
    except BaseException as error:
        place = place_of(error)
        problem = find_constructor_problem(cls) if place is None else None
        if problem is not None:
            raise InitializeFailed(problem.described(entry)) from error
        text = f"{place or place_of_class(cls) or entry}: {cls.__name__}() raised {describe_error(error)}"
        raise InitializeFailed(text, user_trace(error)) from error
