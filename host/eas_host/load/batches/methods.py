"""
Whether a processor can take batches, as its files show: nothing of it is loaded for that.

What cannot be seen there, such as a method that a Python class inherits from another file, is taken not to be.
"""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import Final

from eas_host.archives import class_file
from eas_host.archives.class_file import DamagedClass
from eas_host.binaries import elf
from eas_host.check.java.class_index import open_classes
from eas_host.check.java.members import BATCH_DESCRIPTOR, takes_batches
from eas_host.errors import HostError
from eas_host.worker.java import classpath
from eas_runtime.worker_spec import WorkerSpec

_FUNCTION: Final = "batch_process"
_MAX_SEARCHED: Final = 20_000
"""Classes of one program; as many as `eas-host check` looks through."""


def find_batch_method(spec: WorkerSpec) -> str | None:
    """
    Return the name of the method of the processor of *spec* that takes batches; None if there is none to be seen.
    """
    try:
        return {"cpp": _in_library, "python": _in_program, "java": _in_jars}[spec.type](spec)
    except (HostError, OSError, SyntaxError, ValueError):
        return None  # the worker has loaded it nevertheless, and this is a hint


def _in_library(spec: WorkerSpec) -> str | None:
    exports = elf.read(Path(spec.entry)).exports
    return _FUNCTION if _FUNCTION in exports and "async_process" not in exports else None


def _in_program(spec: WorkerSpec) -> str | None:
    for node in ast.walk(ast.parse(Path(spec.entry).read_bytes())):
        if isinstance(node, ast.ClassDef):
            methods = {one.name: one for one in node.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
            asynchronous = {name for name, method in methods.items() if isinstance(method, ast.AsyncFunctionDef)}
            if _FUNCTION in methods and not asynchronous & {_FUNCTION, "process"}:
                return _FUNCTION
    return None


def _in_jars(spec: WorkerSpec) -> str | None:
    path = classpath.resolve(spec)
    wanted = (spec.mainclass or "").replace("$", ".")
    with open_classes(map(Path, path.own)) as index:
        for name in itertools.islice(index.names(), _MAX_SEARCHED):
            if wanted not in ("", name.replace("/", ".").replace("$", ".")):
                continue
            try:
                data = index.data(name)
                if BATCH_DESCRIPTOR.encode() in data and takes_batches(class_file.read(data), index):
                    return "Process(byte[][])"
            except DamagedClass:
                continue
    return None
