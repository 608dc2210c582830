"""
What a worker says of its processor's source before the first request comes: calls that would fail, some of them rarely.

The processor is initialised by then, so attributes that it got in ways that its source does not show are there. A file
is read in some milliseconds; a large one is left to `eas-host check`.
"""

import ast
import inspect
import os
from typing import Iterator

from eas_runtime.python.class_checks.attributes import undefined_attributes
from eas_runtime.python.class_checks.calls import check_returns
from eas_runtime.python.class_checks.finding import ClassFinding
from eas_runtime.python.class_checks.source import FUNCTIONS, ProgramSource, methods_of, own_nodes

_MAX_BYTES = 32 << 10
"""Some 800 lines, for which it takes 20 ms."""


def findings_at_load(entry: str, processor: object) -> "Iterator[ClassFinding]":
    """
    Yield what is wrong with the class of *processor*, if that is defined in the file *entry*.
    """
    name = type(processor).__name__
    try:
        if os.path.getsize(entry) > _MAX_BYTES:
            return
        with open(entry, "rb") as file:
            source = ProgramSource(ast.parse(file.read()))
    except (OSError, SyntaxError, ValueError):  # it was changed since it was run
        return
    if type(processor).__module__ not in ("__main__", os.path.splitext(os.path.basename(entry))[0]):
        return
    if name not in source.classes:
        return
    lineage, _, is_known = source.lineage(name)
    if is_known:
        for finding in undefined_attributes(source, lineage, set()):
            if not _has(processor, finding.name):
                yield finding.described
    process = methods_of(lineage).get("process")
    if isinstance(process, FUNCTIONS) and not process.decorator_list:
        yield from check_returns(process, list(own_nodes(process)))


def _has(processor: object, name: str) -> bool:
    """
    Tell whether *processor* has an attribute, without running code of its own.
    """
    try:
        inspect.getattr_static(processor, name)
    except AttributeError:
        return False
    return True
