"""
Reads the file of a program, chooses the class that a worker would run, and prints the findings about it as JSON.
"""

import ast
import difflib
import json
import os
import sys
from typing import Iterator

from eas_runtime.linking import places
from eas_runtime.python.class_checks.attributes import undefined_attributes
from eas_runtime.python.class_checks.calls import check_methods
from eas_runtime.python.class_checks.construction import check_construction
from eas_runtime.python.class_checks.finding import ERROR, ClassFinding, closest
from eas_runtime.python.class_checks.source import BASE, ProgramSource, names_defined

_SIMILARITY = 0.85
"""How similar the name of a base class is to allspark's if it is a misspelling of that: one letter of 13 is missing."""


def main() -> int:
    """
    Print the findings about the file of the first argument; the second is the class that its user has named, or empty.
    """
    print(json.dumps(inspect(sys.argv[1], sys.argv[2] or None)))
    return 0


def inspect(entry: str, python_class: "str | None") -> "list[ClassFinding]":
    """
    Inspect the program *entry*, of which a worker runs *python_class*, or its only processor.
    """
    source = _source_of(entry)
    allspark = places.package("allspark")
    base = _source_of(os.path.join(allspark, "base.py"))
    inherited = names_defined(base.classes[BASE])
    names, problem = choose(source, python_class)
    findings = list(unknown_names(source, _exported(allspark)))
    if problem is not None and not findings:
        findings.append(problem)
    for name in names:
        lineage, _, is_known = source.lineage(name)
        findings += check_methods(name, lineage, is_known)
        if is_known:
            findings += check_construction(source, name, lineage)
            findings += [one.described for one in undefined_attributes(source, lineage, inherited)]
    return sorted(findings)


def choose(source: ProgramSource, python_class: "str | None") -> "tuple[list[str], ClassFinding | None]":
    """
    Choose the classes to check, as a worker does: the named one, those that the program constructs, or its only one.
    Return them, and why there is none.
    """
    leaves = source.processors()
    if python_class is not None:
        return ([python_class] if python_class in source.classes and source.lineage(python_class)[1] else []), None
    constructed = [name for name in leaves if source.calls(name)]
    if constructed or len(leaves) == 1:
        return constructed or leaves, None
    if leaves:
        what = "several subclasses of allspark.BaseProcessor: {}".format(", ".join(sorted(leaves)))
        advice = "choose one with --entry FILE.py:NAME"
        return [], ClassFinding(source.classes[leaves[0]].lineno, ERROR, what, advice)
    return [], _misspelt_base(source)


def unknown_names(source: ProgramSource, exported: "list[str]") -> "Iterator[ClassFinding]":
    """
    Find what the program takes from allspark and is not there.
    """
    for node in source.nodes:
        wanted: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module == "allspark":
            wanted = [one.name for one in node.names if one.name != "*"]
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in source.modules:
            wanted = [node.attr] if isinstance(node.ctx, ast.Load) else []
        for name in wanted:
            if name not in exported and not name.startswith("__"):
                line = getattr(node, "lineno", 0)
                yield ClassFinding(line, ERROR, f"allspark has no {name}", closest(name, exported))


def _misspelt_base(source: ProgramSource) -> "ClassFinding | None":
    for node in source.classes.values():
        for base in node.bases:
            name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if name != BASE and difflib.get_close_matches(name, [BASE], 1, _SIMILARITY):
                what = f"{node.name} extends {name}"
                return ClassFinding(node.lineno, ERROR, what, "did you mean allspark.BaseProcessor?")
    return None


def _source_of(path: str) -> ProgramSource:
    with open(path, "rb") as file:
        return ProgramSource(ast.parse(file.read()))


def _exported(allspark: str) -> "list[str]":
    """
    Return what the package in the folder *allspark* offers: what it lists in `__all__`, and its modules.
    """
    names = [name.partition(".")[0] for name in os.listdir(allspark)]
    for node in _source_of(os.path.join(allspark, "__init__.py")).tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names += ast.literal_eval(node.value)
    return sorted(names)
