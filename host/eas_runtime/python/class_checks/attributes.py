"""
Attributes of self that a class uses and nothing in its file defines, such as `self.pre_proccess`.
"""

import ast
import difflib
from typing import Iterator, NamedTuple, Sequence

from eas_runtime.python.class_checks.calls import DYNAMIC
from eas_runtime.python.class_checks.finding import ERROR, ClassFinding
from eas_runtime.python.class_checks.source import ProgramSource, constant, is_self, names_defined

_CALLED = frozenset(("process", "batch_process", "initialize", "run", "get_model_path"))


class UndefinedAttribute(NamedTuple):
    """
    An attribute that nothing defines, by its *name*, and what is *described* of it.
    """

    name: str
    described: ClassFinding


def undefined_attributes(
    source: ProgramSource, lineage: "Sequence[ast.ClassDef]", inherited: "set[str]"
) -> "Iterator[UndefinedAttribute]":
    """
    Find the attributes of self that neither *lineage*, a class and its superclasses, nor anything else in the file
    defines. Those *inherited* are allspark's.
    """
    own = {name for node in lineage for name in names_defined(node)}
    if own & DYNAMIC or any(map(_is_dynamic, source.nodes)):
        return
    defined = own | inherited | set(_defined_elsewhere(source))
    for owner in lineage:
        for node in unguarded(owner):
            if not isinstance(node, ast.Attribute) or not is_self(node) or not isinstance(node.ctx, ast.Load):
                continue
            name = node.attr
            if name in defined or hasattr(object, name) or name.startswith("__"):
                continue
            defined.add(name)  # reported once
            near = difflib.get_close_matches(name, own | _CALLED, 1)
            advice = f"did you mean self.{near[0]}?" if near else "define it in initialize or in the class"
            yield UndefinedAttribute(name, ClassFinding(node.lineno, ERROR, f"self.{name} is defined nowhere", advice))


def _is_dynamic(node: ast.AST) -> bool:
    """
    Tell whether *node* may define attributes whose names are not written out.
    """
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in ("setattr", "vars", "delattr")
    return isinstance(node, ast.Attribute) and node.attr == "__dict__"


def _defined_elsewhere(source: ProgramSource) -> "Iterator[str]":
    """
    Yield the attributes that the file sets on any object, and those that it asks for before it uses them.
    """
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not is_self(node):
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("hasattr", "getattr") and node.args[1:]:
            yield str(constant(node.args[1]))


def unguarded(node: ast.AST) -> "Iterator[ast.AST]":
    """
    Yield the nodes below *node*, but for what is tried with a handler of AttributeError.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try):
            caught = {getattr(part, "id", "") for one in child.handlers if one.type for part in ast.walk(one.type)}
            if "AttributeError" in caught:
                for handler in child.handlers:
                    yield from unguarded(handler)
                continue
        yield child
        yield from unguarded(child)
