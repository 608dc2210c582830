"""
Checks a processor in Python. Its files are read by the Python that it will run on, which knows its own grammar and
finds its own modules, in a process of its own; with a trial run its imports are tried, too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import eas_runtime
from eas_host.check.finding import ERROR, OK, WARNING, Finding, Report, list_names
from eas_host.check.python.trial_run import run_program
from eas_host.deploy.python.interpreter import Confine, IncompatibleInterpreter, ask
from eas_host.errors import EntryInvalid, EntryNotFound
from eas_host.python_env import python_command
from eas_runtime.python.inspection import AT_LOAD
from eas_runtime.worker_spec import WorkerSpec

_SCRIPT: Final = str(Path(eas_runtime.__file__).parent / "python" / "inspection.py")
_CLASS_CHECKS: Final = "eas_runtime.python.class_checks.main"


def check_program(spec: WorkerSpec, confine: Confine, *, trial: bool) -> Report:
    """
    Check the program of *spec*. Its Python is run as a command that *confine* has confined; the program itself only in
    a *trial* run.

    Raises:
        EntryNotFound: there is no such file.
        EntryInvalid: its Python does not run.
    """
    entry = Path(spec.entry)
    if not entry.is_file():
        raise EntryNotFound(f"{entry}: {'is a folder; name the .py file in it' if entry.is_dir() else 'no such file'}")
    found = _ask(spec, confine, _SCRIPT, json.dumps(_question(spec)))
    facts = {
        "file": entry.name,
        "interpreter": spec.interpreter,
        "python": found["version"],
        "installed": found["installed"],
        "processors": found["processors"],
        "missing_modules": list(found["missing"]),
    }
    findings = [*_errors(found), *_missing_modules(found)]
    if not found["errors"]:
        checks = python_command.linked_arguments(_CLASS_CHECKS, entry, spec.python_class or "")
        lines = _ask(spec, confine, *checks)
        findings += [Finding(verdict, f"{entry.name}:{line}", what, advice) for line, verdict, what, advice in lines]
        if trial and not any(finding.verdict == ERROR for finding in findings):
            findings += run_program(spec, confine)
    if not any(finding.verdict == ERROR for finding in findings):
        findings.insert(0, Finding(OK, entry.name, _summary(found)))
    return Report(facts, tuple(findings))


def _question(spec: WorkerSpec) -> dict[str, Any]:
    search = {**os.environ, **spec.environment}.get("PYTHONPATH", "")
    return {"entry": spec.entry, "packages": spec.packages, "path": list(filter(None, search.split(os.pathsep)))}


def _ask(spec: WorkerSpec, confine: Confine, *arguments: str) -> Any:  # noqa: ANN401  any JSON
    python = spec.interpreter or sys.executable
    try:
        return ask(python, confine, *arguments)
    except IncompatibleInterpreter as error:
        raise EntryInvalid(f"{python} {error}") from error


def _errors(found: Mapping[str, Any]) -> Iterator[Finding]:
    for file, line, kind, text in found["errors"]:
        what, _, advice = f"{kind} on Python {found['version']}: {text}".partition("; ")
        yield Finding(ERROR, f"{file}:{line}" if line else file, what, advice)


def _missing_modules(found: Mapping[str, Any]) -> Iterator[Finding]:
    for name, (file, line, need) in found["missing"].items():
        is_certain = need == AT_LOAD and not found["changes_path"]
        yield Finding(
            ERROR if is_certain else WARNING,
            f"{file}:{line}",
            f"Python {found['version']} has no module {name}",
            "install it for that Python, or name its package in requirements",
        )


def _summary(found: Mapping[str, Any]) -> str:
    classes = found["processors"]
    what = f"class {list_names(classes)}" if classes else "a program without a class of its own"
    return f"{what}, on Python {found['version']}"
