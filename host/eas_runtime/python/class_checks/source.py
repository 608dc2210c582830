"""
The classes of a program's file: what they extend, and what they define.
"""

import ast
from typing import Any, Iterator, Sequence

BASE = "BaseProcessor"
UNKNOWN = object()
"""What stands for a value that is not written out."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MODULE = "allspark"


class ProgramSource:
    """
    The file of a program.

    Attributes:
        tree: its syntax.
        classes: its classes by name.
        nodes: all that is in it.
        modules: the names by which it calls allspark.
        base_names: those by which it calls allspark's base class, if it imports that.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self.classes = {node.name: node for node in self.nodes if isinstance(node, ast.ClassDef)}
        self.modules = {_MODULE}
        self.base_names: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                self.modules.update(one.asname for one in node.names if one.name == _MODULE and one.asname)
            elif isinstance(node, ast.ImportFrom) and node.module == _MODULE:
                self.base_names.update(one.asname or one.name for one in node.names if one.name in (BASE, "*"))
        if "*" in self.base_names:
            self.base_names.add(BASE)

    def is_base(self, node: ast.expr) -> bool:
        """
        Tell whether *node* is allspark's base class.
        """
        if isinstance(node, ast.Attribute):
            return node.attr == BASE and getattr(node.value, "id", "") in self.modules
        return getattr(node, "id", "") in self.base_names

    def lineage(self, name: str) -> "tuple[list[ast.ClassDef], bool, bool]":
        """
        Return the class *name* and those of its superclasses that are in this file; whether one of them extends
        allspark's base class; and whether all of its superclasses are known.
        """
        found: list[ast.ClassDef] = []
        waiting = [name]
        is_processor, is_known = False, True
        while waiting:
            node = self.classes[waiting.pop(0)]
            if node in found:
                continue
            found.append(node)
            for base in node.bases:
                if self.is_base(base):
                    is_processor = True
                elif getattr(base, "id", "") in self.classes:
                    waiting.append(base.id)  # type: ignore[attr-defined]  # it is a Name
                elif getattr(base, "id", "") != "object":
                    is_known = False
            is_known = is_known and not node.decorator_list and not node.keywords
        return found, is_processor, is_known

    def processors(self) -> "list[str]":
        """
        Return the names of the processors that no other one extends.
        """
        all_of_them = {name: self.lineage(name)[0] for name in self.classes if self.lineage(name)[1]}
        above = {node.name for name, lineage in all_of_them.items() for node in lineage if node.name != name}
        return [name for name in all_of_them if name not in above]

    def calls(self, name: str) -> "list[ast.Call]":
        """
        Return the calls of *name* in this file.
        """
        return [node for node in self.nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]


def names_defined(node: ast.ClassDef) -> "set[str]":
    """
    Return the attributes that the class *node* and its methods define.
    """
    found = set(methods_of([node]))
    # `self.count += 1` reads it first
    counted = {id(one.target) for one in ast.walk(node) if isinstance(one, ast.AugAssign)}
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and is_self(inner)
            and id(inner) not in counted
        ):
            found.add(inner.attr)
    return found


def methods_of(lineage: "Sequence[ast.ClassDef]") -> "dict[str, Any]":
    """
    Return what the bodies of *lineage* define, by name; the first class that has a name counts.
    """
    found: dict[str, Any] = {}
    for owner in lineage:
        own: dict[str, Any] = {}
        for node in own_nodes(owner):
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                own[node.name] = node
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own[node.id] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                own.update({(one.asname or one.name).partition(".")[0]: node for one in node.names})
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__slots__":
                slots = constant(node.value)
                own.update({str(one): node for one in (slots if isinstance(slots, (tuple, list)) else (slots,))})
        for name, value in own.items():
            found.setdefault(name, value)
    return found


def own_nodes(node: ast.AST) -> "Iterator[ast.AST]":
    """
    Yield the nodes in the body of *node*, a class or a function, without those in functions and classes within.
    """
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from own_nodes(child)


def constant(node: ast.AST) -> object:
    """
    Return the value of the literal *node*; UNKNOWN if it is none.
    """
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return UNKNOWN


def is_self(node: ast.Attribute) -> bool:
    """
    Tell whether *node* is an attribute of `self`.
    """
    return getattr(node.value, "id", "") == "self"
