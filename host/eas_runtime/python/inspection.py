"""
What a program in Python imports, and what of that its own Python does not find.

This file is run by itself, as `python -I inspection.py QUESTION`, since grammar and modules are those of that Python.
It reads the files of the processor, and none of them is run or imported. It follows imports from file to file within
the program's folder. How much a module is needed depends on where the import stands: at the top of a file, in a
function, or where the program can do without it.
"""

import ast
import codecs
import importlib.util
import io
import json
import os
import platform
import site
import sys
import tokenize
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Iterable, Iterator, Sequence

OPTIONAL, LATER, AT_LOAD = range(3)
"""When a module is needed: perhaps never, when a function is called, while the program is loaded."""

_OURS = ("allspark", "eas_runtime")
"""What a worker imports from the host."""
_BASE = "BaseProcessor"
_MAX_FILES = 500
_MAX_DECLARATION = 4096
"""In how many bytes the two lines lie that may name an encoding."""
_TOLERATED = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_CASES = frozenset(("TYPE_CHECKING", "version_info", "platform", "hexversion"))
"""What a condition has in it that chooses between modules for versions and systems."""


class Program:
    """
    The program in the file *entry*.

    Attributes:
        classes: the processors in that file.
        missing: the modules that are not found: the file and the line of the import that needs it most, and how much.
        errors: the files that cannot be read as Python: file, line, kind and text of the error.
        changes_path: whether it changes `sys.path` itself, so that it may find more.
    """

    def __init__(self, entry: str) -> None:
        self.classes: list[str] = []
        self.missing: dict[str, tuple[str, int, int]] = {}
        self.errors: list[tuple[str, int, str, str]] = []
        self.changes_path = False
        self._folder = os.path.dirname(entry)
        self._entry = entry
        self._waiting = [entry]
        self._seen = {entry}

    def read(self) -> None:
        """
        Read the program's files.
        """
        while self._waiting:
            path = self._waiting.pop(0)
            name = os.path.relpath(path, self._folder)
            try:
                with open(path, "rb") as file:
                    text = file.read()
                check_encoding(text)
                tree = ast.parse(text, name)
            except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
                line = getattr(error, "lineno", None) or 0
                message = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
                self.errors.append((name, line, type(error).__name__, message))
                continue
            if path == self._entry:
                self.classes = subclasses(tree)
            self.changes_path = self.changes_path or changes_path(tree)
            for node, need in imports([tree], AT_LOAD):
                self._take(node, need, path, name)

    def _take(self, node: ast.stmt, need: int, path: str, name: str) -> None:
        """
        Look for what the import *node* in the file *path* names.
        """
        if isinstance(node, ast.ImportFrom) and node.level:
            home = path
            for _ in range(node.level):
                home = os.path.dirname(home)
            self._follow([home], (node.module or "").split("."), [alias.name for alias in node.names])
            return
        for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            imported = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            top, *rest = imported.split(".")
            spec = find(top, self._folder)
            if spec is not None:
                self._wait(spec.origin or "")
                self._follow(
                    [*(spec.submodule_search_locations or ())],
                    rest,
                    [alias.name] if isinstance(node, ast.ImportFrom) else [],
                )
            elif need and not is_known(top) and need > self.missing.get(top, ("", 0, OPTIONAL))[2]:
                self.missing[top] = name, node.lineno, need

    def _follow(self, places: Sequence[str], steps: Sequence[str], names: Sequence[str]) -> None:
        """
        Note the files of the package in *places* that an import of the module *steps* in it, or of *names* in that
        module, leads to.
        """
        for place in places:
            for step in filter(None, steps):
                self._wait(os.path.join(place, step + ".py"))
                place = os.path.join(place, step)  # noqa: PLW2901  one step on
                self._wait(os.path.join(place, "__init__.py"))
            for name in names:
                self._wait(os.path.join(place, name + ".py"))
                self._wait(os.path.join(place, name, "__init__.py"))

    def _wait(self, path: str) -> None:
        known = path in self._seen or len(self._seen) == _MAX_FILES
        if not known and path.endswith(".py") and self._is_ours(path) and os.path.isfile(path):
            self._seen.add(path)
            self._waiting.append(path)

    def _is_ours(self, path: str) -> bool:
        inner = os.path.relpath(path, self._folder).split(os.sep)
        return inner[0] not in (os.pardir, "ENV") and "site-packages" not in inner


def check_encoding(text: bytes) -> None:
    """
    Check that *text*, a source file, can be read as `python FILE` reads it. The compiler is not as strict with bytes.

    Raises:
        SyntaxError: it cannot.
    """
    mark = codecs.BOM_UTF8 if text.startswith(codecs.BOM_UTF8) else b""
    lines = mark + bytes(byte if byte < 128 else 63 for byte in text[:_MAX_DECLARATION])  # noqa: PLR2004  ASCII and "?"
    encoding, _ = tokenize.detect_encoding(io.BytesIO(lines).readline)
    try:
        text.decode(encoding)
    except UnicodeDecodeError as error:
        problem = SyntaxError(
            f"not {encoding.upper()} text (byte 0x{text[error.start]:02x}); save it as UTF-8, or name its encoding in"
            " the first line: # -*- coding: latin-1 -*-"
        )
        problem.lineno = text.count(b"\n", 0, error.start) + 1
        raise problem from None


def find(name: str, folder: str) -> "ModuleSpec | None":
    """
    Find the module *name*, which has no dot, so that nothing is imported for it: in *folder* first, where a folder
    without `__init__.py` counts only if there is nothing better.
    """
    local = PathFinder.find_spec(name, [folder])
    if local is not None and local.origin not in (None, "namespace"):
        return local
    try:
        return importlib.util.find_spec(name) or local
    except (ImportError, AttributeError, ValueError):  # a module that something has put there
        return local


def is_known(name: str) -> bool:
    """
    Tell whether the module *name*, for which there is no file, is there all the same.
    """
    return name in _OURS or name in sys.modules or name in sys.builtin_module_names


def imports(nodes: Iterable[ast.AST], need: int) -> "Iterator[tuple[ast.stmt, int]]":
    """
    Yield the imports in *nodes*, in their order, each with how much it is needed; *nodes* themselves are needed *need*.
    """
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, need
        elif isinstance(node, ast.Try):
            tolerated = any(map(is_tolerant, node.handlers))
            yield from imports((*node.body, *node.handlers), OPTIONAL if tolerated else need)
            yield from imports((*node.orelse, *node.finalbody), need)
        elif isinstance(node, ast.If):
            chooses = names_in(node.test) & _CASES
            yield from imports((*node.body, *node.orelse), OPTIONAL if chooses else min(need, LATER))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            managers = names_in(*node.items)
            yield from imports(node.body, OPTIONAL if "suppress" in managers and managers & _TOLERATED else need)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports(node.body, min(need, LATER))
        elif not isinstance(node, ast.expr):
            yield from imports(ast.iter_child_nodes(node), need)


def is_tolerant(handler: ast.ExceptHandler) -> bool:
    """
    Tell whether *handler* catches a failed import.
    """
    return handler.type is None or bool(names_in(handler.type) & _TOLERATED)


def names_in(*nodes: ast.AST) -> "set[str]":
    """
    Return the names, and those behind dots, in *nodes*.
    """
    return {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, (ast.Attribute, ast.Name))
    }


def changes_path(tree: ast.AST) -> bool:
    """
    Tell whether *tree* names `sys.path`, or what adds to it.
    """
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "path" and getattr(node.value, "id", "") == "sys")
        or (isinstance(node, ast.ImportFrom) and node.module == "sys" and any(one.name == "path" for one in node.names))
        or "addsitedir" in (getattr(node, "attr", ""), getattr(node, "id", ""))
        for node in ast.walk(tree)
    )


def subclasses(tree: ast.AST) -> "list[str]":
    """
    Return the classes of *tree* that extend allspark's base class, directly or through another class.
    """
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
            if bases & {_BASE, *found}:
                found.append(node.name)
    return found


def installed() -> int:
    """
    Count the packages that this Python finds.
    """
    names = set()
    for folder in filter(os.path.isdir, sys.path):
        for name in os.listdir(folder):
            if name.endswith((".dist-info", ".egg-info")):
                names.add(name.rpartition(".")[0].partition("-")[0].lower().replace("_", "-"))
    return len(names)


def inspect(entry: str, packages: Sequence[str], path: Sequence[str]) -> "dict[str, Any]":
    """
    Inspect the program *entry*. Its worker searches the folders *packages* and, as PYTHONPATH, *path*, too.
    """
    for folder in packages:
        site.addsitedir(folder)
    count = installed()
    sys.path[:0] = [os.path.dirname(entry), *path]
    program = Program(entry)
    program.read()
    return {
        "version": platform.python_version(),
        "installed": count,
        "processors": program.classes,
        "missing": {name: list(place) for name, place in sorted(program.missing.items())},
        "errors": [list(error) for error in program.errors],
        "changes_path": program.changes_path,
    }


if __name__ == "__main__":
    print(json.dumps(inspect(**json.loads(sys.argv[1]))))
