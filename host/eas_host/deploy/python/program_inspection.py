"""
Asks the Python that a program runs on what it thinks of the program: whether it can read it, and which modules it does
not find. The answer is that of `eas_runtime.python.inspection`, in one short run of that Python.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import eas_runtime
from eas_host.deploy.python.interpreter import Confine, IncompatibleInterpreter, ask
from eas_host.errors import EntryInvalid
from eas_runtime.python.inspection import AT_LOAD
from eas_runtime.worker_spec import WorkerSpec

_SCRIPT: Final = str(Path(eas_runtime.__file__).parent / "python" / "inspection.py")


def inspect_program(spec: WorkerSpec, confine: Confine) -> tuple[dict[str, Any], tuple[str, ...]]:
    """
    Inspect the program of *spec*. Its Python is run as a command that *confine* has confined.

    Returns:
        Facts that JSON can represent, by name; and the reasons why the program cannot be loaded, one line each.

    Raises:
        EntryInvalid: its Python does not run.
    """
    python = spec.interpreter or sys.executable
    search = {**os.environ, **spec.environment}.get("PYTHONPATH", "")
    question = {"entry": spec.entry, "packages": spec.packages, "path": list(filter(None, search.split(os.pathsep)))}
    try:
        found = ask(python, confine, _SCRIPT, json.dumps(question))
    except IncompatibleInterpreter as error:
        raise EntryInvalid(f"{python} {error}") from error
    version = found["version"]
    facts = {
        "file": Path(spec.entry).name,
        "interpreter": spec.interpreter,
        "python": version,
        "installed": found["installed"],
        "processors": found["processors"],
        "missing_modules": list(found["missing"]),
    }
    problems = [
        f"{file}{f':{line}' if line else ''}: {kind} on Python {version}: {text}"
        for file, line, kind, text in found["errors"]
    ]
    if not found["changes_path"]:
        problems += [
            f"{file}:{line}: Python {version} has no module {name}; install it for that Python, or name its package in"
            " requirements"
            for name, (file, line, need) in found["missing"].items()
            if need == AT_LOAD
        ]
    return facts, tuple(problems)
