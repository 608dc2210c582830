"""
The program of a worker process for a processor in C++ or Java, on the host's own Python.
"""

from __future__ import annotations

import eas_host.ring  # noqa: F401  first: this process reaches the native code through cffi
from eas_host.worker.processor import make
from eas_runtime.worker_process import read_arguments, serve


def main() -> int:
    """
    Load the processor that the spec names and serve with it, in this process or, as a native worker, in the program
    that it becomes.

    Returns:
        The process's exit code.
    """
    spec, inheritance = read_arguments()
    if spec.type == "cpp":
        from eas_host.worker.cpp import native_worker  # noqa: PLC0415  Java needs none of it

        native_worker.take_over(spec, inheritance)
        native_worker.restart_for_sanitizer(spec, inheritance)
    return serve(spec, inheritance, make)
