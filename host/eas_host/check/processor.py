"""
Checks one processor, of whichever language. Its files are read, those of a program in Python by its own Python; in this
process none of their code runs.
"""

from __future__ import annotations

from pathlib import Path

from eas_host.check.finding import Report, error_of
from eas_host.deploy.python.interpreter import Confine
from eas_host.errors import HostError
from eas_runtime.worker_spec import WorkerSpec


def check_processor(spec: WorkerSpec, confine: Confine = list, *, trial: bool = False) -> Report:
    """
    Check the files of *spec*. The Python of a program is run for that, as a command that *confine* has confined, and
    with *trial* the program itself, up to where it would serve. What is wrong becomes a finding.
    """
    # Each language has much to import, so only one of them does.
    try:
        if spec.type == "python":
            from eas_host.check.python.program import check_program  # noqa: PLC0415

            return check_program(spec, confine, trial=trial)
        if spec.type == "java":
            from eas_host.check.java.jar import check_jars  # noqa: PLC0415

            return check_jars(spec)
        from eas_host.check.cpp.shared_library import check_library  # noqa: PLC0415

        return check_library(spec)
    except (HostError, OSError) as error:
        return Report(findings=(error_of(error, Path(spec.entry)),))
