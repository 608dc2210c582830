"""
Runs a program as a worker would, in a process of its own, up to where it opens its service or has defined its class:
`initialize` is not called. `eas-host check` starts this, and the process ends right after it.

What the program prints goes to standard error, so that standard output has the result alone: one line of JSON.
"""

import faulthandler
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING

from eas_runtime.python import sdk_import
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from allspark.service import OpenedService, ServiceRequest


class _ServiceOpened(BaseException):
    """
    The program has opened its service: all that it imports is there.
    """


def main() -> int:
    """
    Run the program of the spec in the first argument.
    """
    result = os.dup(1)
    os.dup2(2, 1)
    faulthandler.enable()
    spec = WorkerSpec.from_json(sys.argv[1])
    sdk_import.import_our_allspark()
    outcome = run(spec)
    sys.stdout.flush()
    os.write(result, json.dumps(outcome).encode() + b"\n")
    os._exit(0)  # its threads, and what it registered for the end, do not matter


def run(spec: WorkerSpec) -> "dict[str, object]":
    """
    Run the program of *spec*.

    Returns:
        `error`, the message of what was raised, or `""`; `detail`, its trace; `file` and `line`, the last that the
        trace has of the program's folder.
    """
    from allspark import opening  # noqa: PLC0415  late: ours is imported first
    from eas_runtime.python import launcher  # noqa: PLC0415  the same

    opening.service_factory = _open_service
    entry = spec.original(spec.entry)
    folder = os.getcwd()
    try:
        launcher.prepare(spec)
        load = launcher.import_under_stem if spec.python_class else launcher.run_as_main
        module = load(spec)
        launcher.find_class(module, entry, spec.python_class)
    except _ServiceOpened:
        return {"error": ""}
    except BaseException as error:  # noqa: BLE001  whatever it raises is to be reported
        file, line = place_of(error, os.path.dirname(entry))
        explained = launcher.explain(entry, error, folder)
        return {"error": explained.message, "detail": explained.detail, "file": file, "line": line}
    return {"error": ""}


def _open_service(_request: "ServiceRequest") -> "OpenedService":
    raise _ServiceOpened


def place_of(error: BaseException, folder: str) -> "tuple[str, int]":
    """
    Return the last file in *folder*, and its line, that the traceback of *error* leads through.
    """
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(folder)]
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(folder):
        return error.filename or "", error.lineno or 0
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
